// Groups over NCCL, as far as that goes without a GPU.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, it } from "node:test";
import {
  cudaIsAvailable,
  ncclGpu,
  ProcessGroup,
  type ProcessGroupOptions,
  TCPStore,
  TorchError,
  whyNoNccl,
} from "@pea/torch";
import {
  describeNccl,
  type NoNccl,
  nativeBinaries,
  nativeSearch,
  ncclFile,
  ncclIncludes,
  noNcclBeside,
  setupCommand,
} from "@pea/torch/binaries";
import { notLoading } from "../src/binaries/nccl.ts";
import { requireOn, requireOwnGpus } from "../src/distributed/nccl.ts";
import { unless } from "../src/distributed/promised.ts";

const root = mkdtempSync(join(tmpdir(), "pea-nccl-"));
after(() => rmSync(root, { recursive: true }));

/** An engine of a wheel, and other files beside its folder. */
function engineWith(name: string, { cuda, beside }: { cuda: string | null; beside: readonly string[] }) {
  const directory = join(root, name, "torch");
  const own = ["torch/lib/libtorch_cpu.so", ...(cuda === null ? [] : ["torch/lib/libtorch_cuda.so"])];
  for (const file of [...own, ...beside.map((one) => `nvidia/${one}`)]) {
    mkdirSync(dirname(join(root, name, file)), { recursive: true });
    writeFileSync(join(root, name, file), "");
  }
  const version = cuda === null ? "None" : `'${cuda}'`;
  writeFileSync(join(directory, "version.py"), `__all__ = ['cuda']\ncuda: Optional[str] = ${version}\n`);
  return { name: "torch2.15", library: join(directory, "lib/libtorch_cpu.so"), directory };
}

const withTorch = ["nccl.h", "cublas_v2.h", "cusparse.h", "cusolverDn.h"].map((header) =>
  header === "nccl.h" ? "nccl/include/nccl.h" : `cu13/include/${header}`,
);
const runtime = "cu13/include/cuda_runtime_api.h";
const [target, hostConfig] = ["cu13/include/nv/target", "cu13/include/crt/host_config.h"];

describe("the headers that NCCL is built of", () => {
  it("are found in the folders of NVIDIA's wheels beside torch", () => {
    const engine = engineWith("whole", { cuda: "13.2", beside: [...withTorch, runtime, target, hostConfig] });
    assert.deepEqual(
      ncclIncludes(engine),
      ["cu13", "nccl"].map((name) => join(root, "whole/nvidia", name, "include")),
    );
  });

  it("are named where they are missing, with the wheels that have them, of torch's version of CUDA", () => {
    const torchAlone = engineWith("torch-alone", { cuda: "13.2", beside: [...withTorch, runtime, target] });
    assert.deepEqual(ncclIncludes(torchAlone), {
      why: "there is no crt/host_config.h",
      remedy: `install CUDA's headers beside torch: python3 -m pip install "nvidia-cuda-crt==13.2.*"`,
    });
    const { why, remedy } = ncclIncludes(
      engineWith("neither", { cuda: "13.2", beside: [...withTorch, runtime] }),
    ) as NoNccl;
    assert.equal(why, "there is no crt/host_config.h, nv/target");
    assert.match(remedy ?? "", /"nvidia-cuda-crt==13\.2\.\*" "nvidia-cuda-cccl==13\.2\.\*"$/);
  });

  it("come with torch, but for those of CUDA", () => {
    const { why, remedy } = ncclIncludes(engineWith("bare", { cuda: "13.2", beside: [] })) as NoNccl;
    assert.equal(why, "there is no nccl.h, cublas_v2.h, cusparse.h, cusolverDn.h");
    assert.match(remedy ?? "", /pip install torch\b/);
  });

  it("are in wheels of other names where torch is of CUDA 12", () => {
    const beside = ["nccl.h", "cublas_v2.h", "cusparse.h", "cusolverDn.h"].map(
      (header) => `${header.replace(/(_v2|Dn)?\.h$/, "")}/include/${header}`,
    );
    assert.deepEqual(ncclIncludes(engineWith("twelve", { cuda: "12.8", beside })), {
      why: "there is no cuda_runtime_api.h, crt/host_config.h, nv/target",
      remedy:
        "install CUDA's headers beside torch: python3 -m pip install " +
        `"nvidia-cuda-runtime-cu12==12.8.*" "nvidia-cuda-nvcc-cu12==12.8.*" "nvidia-cuda-cccl-cu12==12.8.*"`,
    });
  });

  it("are told without wheels where torch is of a CUDA that is older", () => {
    assert.deepEqual(ncclIncludes(engineWith("eleven", { cuda: "11.8", beside: [...withTorch, runtime] })), {
      why: "there is no crt/host_config.h, nv/target",
    });
  });

  it("are of no use to a libtorch without CUDA", () => {
    const why = "this libtorch is built without CUDA; PyPI's torch is built with it";
    assert.deepEqual(ncclIncludes(engineWith("cpu", { cuda: null, beside: [hostConfig] })), { why });
    const debian = { name: "libtorch1.13", library: "/usr/lib/libtorch_cpu.so.1.13", directory: undefined };
    assert.deepEqual(ncclIncludes(debian), { why });
  });
});

describe("the library of NCCL", () => {
  const home = { folder: join(root, "package"), version: "9.9.9" };
  it("is told to be built where its headers are there and it is not", () => {
    const engine = engineWith("ready", { cuda: "13.2", beside: [...withTorch, runtime, target, hostConfig] });
    const addon = join(root, "built", "pea_torch.node");
    assert.deepEqual(noNcclBeside(addon, engine, home), {
      why: "it was not built",
      remedy: setupCommand(home),
    });
    mkdirSync(dirname(addon));
    writeFileSync(join(dirname(addon), ncclFile), "");
    assert.equal(noNcclBeside(addon, engine, home), undefined);
  });

  it("that does not load is told apart from one that is not built", () => {
    const no = notLoading("libnccl.so.2 is not there", home);
    assert.equal(describeNccl(no), "does not load: libnccl.so.2 is not there");
    assert.match(no.remedy ?? "", /^install torch with all that it asks for/);
    assert.equal(describeNccl({ why: "there is no nccl.h" }), "not built: there is no nccl.h");
    assert.equal(describeNccl(undefined), "built");
  });

  it("that is of another version is to be built anew", () => {
    const no = notLoading("another version", home);
    assert.equal(describeNccl(no), "does not load: it is of another version than @pea/torch");
    assert.equal(no.remedy, setupCommand(home));
  });

  const { engine, file } = nativeBinaries();
  const includes = ncclIncludes(engine);
  it("loads, with all that it asks of libtorch", {
    skip: "why" in includes && `not built: ${includes.why}`,
  }, () => {
    assert.equal(noNcclBeside(file("torch"), engine, nativeSearch().home), undefined);
    assert.equal(whyNoNccl(), undefined);
  });

  it("is told to be missing where it is, with the way out where there is one", {
    skip: !("why" in includes) && "it is there",
  }, () => {
    const { why, remedy } = whyNoNccl() as NoNccl;
    assert.equal(why, (includes as NoNccl).why);
    assert.equal(remedy === undefined, (includes as NoNccl).remedy === undefined, remedy);
  });
});

/** What a group says that cannot be made; all others would be waited for. */
async function refusal(options: Partial<ProcessGroupOptions>): Promise<string> {
  const store = await TCPStore.connect({ host: "127.0.0.1", port: 0, isServer: true });
  const error = await ProcessGroup.connect(store, { rank: 0, worldSize: 2, ...options }).then(
    () => assert.fail("the group was made"),
    (error: Error) => error,
  );
  await store.close();
  assert.ok(error instanceof TorchError, `${error}`);
  return error.message;
}

describe("a group over NCCL", () => {
  it("is refused at once where there is no GPU, and Gloo named", {
    skip: cudaIsAvailable() && "there is a GPU",
  }, async () => {
    assert.match(
      await refusal({ backend: "nccl" }),
      /^ProcessGroup\.connect: the backend nccl needs a CUDA device for each rank, and this engine finds no GPU that it can use; .* gloo/,
    );
    assert.equal(ncclGpu("cuda"), null);
  });

  it("is refused on a processor", async () => {
    assert.match(
      await refusal({ backend: "nccl", device: "cpu" }),
      /a CUDA device for each rank, got cpu; .* gloo/,
    );
    assert.equal(ncclGpu("cpu"), null);
  });

  it("is one of two kinds", async () => {
    assert.match(await refusal({ backend: "mpi" as "gloo" }), /must be "gloo" or "nccl", got "mpi"$/);
  });

  it("names the ranks that have one GPU", () => {
    requireOwnGpus(["a", "b", "c"]);
    assert.throws(
      () => requireOwnGpus(["a", "b", "c", "b"]),
      /^TorchError: .*: ranks 1 and 3 have the same GPU \(b\), .* CUDA_VISIBLE_DEVICES .* gloo$/,
    );
  });

  it("takes tensors on its GPU alone", () => {
    requireOn("cuda:1", [{ device: "cuda:1" }]);
    assert.throws(
      () => requireOn("cuda:1", [{ device: "cuda:1" }, { device: "cpu" }]),
      /^TorchError: .* on its GPU, cuda:1, got one on cpu; move it there, or take a group over gloo$/,
    );
  });
});

describe("what waits for ranks", () => {
  const never = new Promise<never>(() => {});

  it("ends where one of them is lost", async () => {
    let looks = 0;
    const look = async () => ++looks === 3;
    await assert.rejects(unless(never, { look, every: 1, what: "rank 1 is gone" }), {
      name: "TorchError",
      message: "rank 1 is gone",
    });
    assert.equal(looks, 3);
  });

  it("goes on where nobody can be asked, and asks again once the last has answered", async () => {
    let looks = 0;
    let underWay = 0;
    const look = async () => {
      assert.equal(++underWay, 1, "two looks at once");
      await new Promise((resolve) => setTimeout(resolve, 5));
      underWay--;
      if (++looks < 3) throw new Error("no store");
      return true;
    };
    await assert.rejects(unless(never, { look, every: 1, what: "gone" }), /^TorchError: gone$/);
    assert.equal(looks, 3);
  });

  it("settles as what it waits for, and looks no more", async () => {
    let looks = 0;
    const look = async () => ++looks < 0;
    const work = new Promise<string>((resolve) => setTimeout(() => resolve("sum"), 20));
    assert.equal(await unless(work, { look, every: 1, what: "gone" }), "sum");
    const before = looks;
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(looks, before);
    await assert.rejects(
      unless(Promise.reject(new TorchError("NCCL failed")), { look, every: 1, what: "gone" }),
      /^TorchError: NCCL failed$/,
    );
  });
});
