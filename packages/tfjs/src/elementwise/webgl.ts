/**
 * Mixtures as one WebGL program each way.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs";
import { maskLike } from "./composed.ts";
import type { Elementwise, Mixture, SmoothName, TargetName } from "./elementwise.ts";

/** What tfjs's WebGL backend runs (its GPGPUProgram). */
interface Program {
  readonly variableNames: readonly string[];
  readonly outputShape: readonly number[];
  readonly userCode: string;
  readonly customUniforms?: readonly { readonly name: string; readonly type: "float" }[];
}

/** What is used of that backend. */
interface WebGLBackend {
  compileAndRun(
    program: Program,
    inputs: readonly tf.TensorInfo[],
    dtype: tf.DataType,
    uniforms: readonly (readonly number[])[],
  ): tf.TensorInfo;
}

/** f and f′ as bodies of GLSL functions of x. */
interface Formula {
  readonly f: string;
  readonly df: string;
}

/** Beyond these each smooth activation is its limit in float32, and no ∞ · 0 arises. */
const limits: Formula = {
  f: "if (x > 80.0) return x; if (x < -80.0) return LEAST;",
  df: "if (x > 80.0) return 1.0; if (x < -80.0) return 0.0;",
};
const withLimits = ({ f, df }: Formula, least = "0.0"): Formula => ({
  f: limits.f.replace("LEAST", least) + f,
  df: limits.df + df,
});

const smooths: Readonly<Record<SmoothName, Formula>> = {
  gelu: withLimits({
    f: "return x * normalCdf(x);",
    df: "return normalCdf(x) + x * 0.3989422804 * exp(-0.5 * x * x);",
  }),
  swish: withLimits({
    f: "return x * logistic(x);",
    df: "return logistic(x) * (1.0 + x * logistic(-x));",
  }),
  // τ = tanh(ln(1 + e^x)) and its slope in n = e^x, for x ≥ 0 in e^−x, which cannot overflow.
  mish: withLimits({
    f: `float e = exp(-abs(x));
      return x < 0.0 ? x * e * (e + 2.0) / (e * (e + 2.0) + 2.0)
                     : x * (1.0 + 2.0 * e) / (1.0 + 2.0 * e * (1.0 + e));`,
    df: `float e = exp(-abs(x));
      float d = x < 0.0 ? e * (e + 2.0) + 2.0 : 1.0 + 2.0 * e * (1.0 + e);
      return x < 0.0 ? e * (e + 2.0) / d + x * 4.0 * e * (1.0 + e) / (d * d)
                     : (1.0 + 2.0 * e) / d + x * 4.0 * e * e * (1.0 + e) / (d * d);`,
  }),
  elu: withLimits(
    {
      // e^x − 1 by its series where the difference would cancel.
      f: `if (x > 0.0) return x;
        return x > -0.05 ? x * (1.0 + x * (0.5 + x * (1.0 / 6.0 + x * (1.0 / 24.0 + x / 120.0)))) : exp(x) - 1.0;`,
      df: "return x > 0.0 ? 1.0 : exp(x);",
    },
    "-1.0",
  ),
};

const targets: Readonly<Record<TargetName, Formula>> = {
  relu: { f: "return max(x, 0.0);", df: "return x > 0.0 ? 1.0 : 0.0;" },
  relu6: { f: "return clamp(x, 0.0, 6.0);", df: "return x > 0.0 && x < 6.0 ? 1.0 : 0.0;" },
};

/** 1 + erf by Abramowitz and Stegun's formula 7.1.26, to 1.5e-7. */
const helpers = `
  float logistic(float x) {
    float e = exp(-abs(x));
    return x < 0.0 ? e / (1.0 + e) : 1.0 / (1.0 + e);
  }
  float normalCdf(float x) {
    float z = abs(x) * 0.7071067812;
    float t = 1.0 / (1.0 + 0.3275911 * z);
    float tail = 0.5 * exp(-z * z) *
      t * (0.254829592 + t * (-0.284496736 + t * (1.421413741 + t * (-1.453152027 + t * 1.061405429))));
    return x > 0.0 ? 1.0 - tail : tail;
  }`;

/** In float32. */
export const onWebGL: Elementwise = {
  value: (x, mixture) => run("f", x, null, mixture),
  gradient: (x, dy, mixture) => run("df", x, dy, mixture),
};

function run(what: "f" | "df", x: tf.Tensor, dy: tf.Tensor | null, mixture: Mixture): tf.Tensor {
  const { alpha, ensemble } = mixture;
  const isDrawn = ensemble === "stochastic" && alpha > 0 && alpha < 1;
  const factor = dy === null ? "" : "getDyAtOutCoords() * ";
  const share = isDrawn ? "getMaskAtOutCoords()" : "alpha";
  const program: Program = {
    variableNames: ["X", ...(dy === null ? [] : ["Dy"]), ...(isDrawn ? ["Mask"] : [])],
    outputShape: x.shape,
    customUniforms: [{ name: "alpha", type: "float" }],
    userCode: `${helpers}
      float target(float x) { ${targets[mixture.target][what]} }
      float smoothed(float x) { ${smooths[mixture.smooth][what]} }
      void main() {
        float x = getXAtOutCoords();
        float share = ${share};
        float y = share == 1.0 ? target(x) : share == 0.0 ? smoothed(x) : share * target(x) + (1.0 - share) * smoothed(x);
        setOutput(${factor}(isnan(x) ? x : y));
      }`,
  };
  return tf.tidy(() => {
    const inputs = [x, ...(dy === null ? [] : [dy]), ...(isDrawn ? [maskLike(x, alpha, mixture)] : [])];
    const backend = tf.backend() as unknown as WebGLBackend;
    return tf.engine().makeTensorFromTensorInfo(backend.compileAndRun(program, inputs, "float32", [[alpha]]));
  });
}
