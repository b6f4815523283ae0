/**
 * Activations that exporters spell out, as the one node that they are. A gate, which multiplies another tensor than the one
 * it is made of, stays as it is.
 *
 * @module
 */
import {
  type Attributes,
  type Constant,
  type Graph,
  type GraphNode,
  inferShapes,
  removeDeadNodes,
  type Shape,
} from "@pea/graph";
import {
  constant,
  either,
  type Formula,
  GraphView,
  letter,
  type Meaning,
  made,
  number,
  product,
  sum,
} from "./formula.ts";

/** How an activation is spelled. */
interface Spelling {
  readonly operator: string;
  readonly formula: Formula;
  readonly attributes?: (meaning: Meaning) => Attributes | undefined;
}

const x = letter("x");
const sigmoid = (of: Formula) => made("Sigmoid", [of]);
const relu = (of: Formula) => either(made("Relu", [of]), clip(0, undefined, of));
const clip = (min: number | undefined, max: number | undefined, of: Formula) =>
  made("Clip", [of], { min, max });
const greater = (of: Formula, than: Formula) =>
  either(
    made("Greater", [of, than]),
    made("GreaterOrEqual", [of, than]),
    made("Less", [than, of]),
    made("LessOrEqual", [than, of]),
  );
const where = (condition: Formula, yes: Formula, no: Formula) => made("Where", [condition, yes, no]);
/** x above 0, else another. */
const positiveElse = (other: Formula) =>
  either(where(greater(x, number(0)), x, other), where(greater(number(0), x), other, x));
/** min(max(x + 3, 0), 6) */
const hardRamp = clip(0, 6, sum(3, x));
/** min(max(x / 6 + 1/2, 0), 1) */
const hardSigmoid = either(
  made("HardSigmoid", [x], { alpha: 1 / 6, beta: 0.5 }),
  product(1 / 6, hardRamp),
  clip(0, 1, sum(0.5, product(1 / 6, x))),
);
const square = made("Pow", [x, number(2)]);
/** c x³ */
const cubeTimes = (factor: number) =>
  either(product(factor, made("Pow", [x, number(3)])), product(factor, x, x, x), product(factor, x, square));
/** √(2/π) · (x + 0.044715 x³) */
const tanhArgument = either(
  product(Math.sqrt(2 / Math.PI), sum(0, x, cubeTimes(0.044715))),
  product(Math.sqrt(2 / Math.PI), x, sum(1, product(0.044715, x, x))),
  product(Math.sqrt(2 / Math.PI), x, sum(1, product(0.044715, square))),
);

/** Those that may be part of the others. */
const parts: readonly Spelling[] = [
  {
    operator: "Clip",
    formula: either(
      made("Min", [made("Max", [x, number("min")]), number("max")]),
      made("Max", [made("Min", [x, number("max")]), number("min")]),
      // PyTorch 1's ReLU6.
      made("Clip", [made("Relu", [x])], { min: 0, max: "max" }),
    ),
    attributes: ({ min = 0, max }) => ({ min: Number(min), max: Number(max) }),
  },
  // PyTorch takes ln(1 + eˣ) as x where x is large, and float32 has no other number for it.
  {
    operator: "Softplus",
    formula: where(greater(x, number("threshold")), x, made("Softplus", [x])),
    attributes: ({ threshold }) => (Number(threshold) >= 15 ? {} : undefined),
  },
  { operator: "Sigmoid", formula: made("Div", [number(1), sum(1, made("Exp", [product(-1, x)]))]) },
];

/** Those that hold others within them. */
const large: readonly Spelling[] = [
  {
    operator: "Swish",
    formula: either(product(1, x, sigmoid(x)), made("Div", [x, sum(1, made("Exp", [product(-1, x)]))])),
  },
  {
    operator: "Swish",
    formula: product(1, x, made("Sigmoid", [product("alpha", x)])),
    attributes: ({ alpha }) => ({ alpha: Number(alpha) }),
  },
  {
    operator: "Gelu",
    formula: either(
      product(0.5, x, sum(1, made("Erf", [product(Math.SQRT1_2, x)]))),
      product(0.5, x, made("Erfc", [product(-Math.SQRT1_2, x)])),
    ),
    attributes: () => ({ approximate: "none" }),
  },
  {
    operator: "Gelu",
    formula: product(0.5, x, sum(1, made("Tanh", [tanhArgument]))),
    attributes: () => ({ approximate: "tanh" }),
  },
  { operator: "Mish", formula: product(1, x, made("Tanh", [made("Softplus", [x])])) },
  {
    operator: "HardSwish",
    formula: either(
      product(1, x, hardSigmoid),
      // The factor of 1/6 at whichever place.
      product(1 / 6, x, hardRamp),
    ),
  },
  {
    operator: "LeakyRelu",
    formula: either(
      positiveElse(product("alpha", x)),
      made("Max", [x, product("alpha", x)]),
      made("Max", [product("alpha", x), x]),
    ),
    attributes: ({ alpha }) =>
      Number(alpha) > 0 && Number(alpha) < 1 ? { alpha: Number(alpha) } : undefined,
  },
  {
    operator: "PRelu",
    formula: sum(
      0,
      relu(x),
      either(
        made("Mul", [constant("slope"), relu(product(-1, x))]),
        made("Mul", [relu(product(-1, x)), constant("slope")]),
      ),
    ),
  },
  {
    operator: "Elu",
    formula: positiveElse(
      either(
        sum(-1, made("Exp", [x])),
        sum(-1, made("Exp", [either(made("Min", [x, number(0)]), clip(undefined, 0, x))])),
      ),
    ),
    attributes: () => ({ alpha: 1 }),
  },
];

/** Those that would hide a larger one. */
const small: readonly Spelling[] = [
  {
    operator: "Relu",
    formula: either(
      clip(0, undefined, x),
      made("Max", [x, number(0)]),
      made("Max", [number(0), x]),
      positiveElse(number(0)),
    ),
  },
  {
    operator: "HardSigmoid",
    formula: either(product(1 / 6, hardRamp), clip(0, 1, sum(0.5, product(1 / 6, x)))),
    attributes: () => ({ alpha: 1 / 6, beta: 0.5 }),
  },
  {
    operator: "HardSigmoid",
    formula: clip(0, 1, sum(0.5, product("alpha", x))),
    attributes: ({ alpha }) => ({ alpha: Number(alpha), beta: 0.5 }),
  },
];

/** With each activation as one node, at the place and with the path of the last one of its spelling. */
export function recognizeActivations(graph: Graph): Graph {
  return [parts, large, small].reduce(recognize, graph);
}

function recognize(graph: Graph, spellings: readonly Spelling[]): Graph {
  const view = new GraphView(graph);
  const shapes = inferShapes(graph);
  const constants = new Map(graph.constants);
  const nodes = graph.nodes.map((node) => {
    for (const { operator, formula, attributes } of spellings) {
      const [meaning] = formula(view, node.outputs[0] as string, {});
      const found = meaning === undefined ? undefined : attributes === undefined ? {} : attributes(meaning);
      if (meaning === undefined || found === undefined || view.isConstant(String(meaning.x))) continue;
      // What is computed of a number alone, or stretched to another shape, is no activation.
      if (!isSameShape(shapes.get(String(meaning.x)), shapes.get(node.outputs[0] as string))) continue;
      const inputs = [String(meaning.x), ...slopeOf(meaning, node, constants)];
      return { operator, inputs, outputs: node.outputs, attributes: found, path: node.path };
    }
    return node;
  });
  return removeDeadNodes({ ...graph, nodes, constants });
}

/** In relu(x) + c · relu(−x) the slope below 0 is −c. */
function slopeOf({ slope }: Meaning, { outputs }: GraphNode, constants: Map<string, Constant>): string[] {
  if (slope === undefined) return [];
  const { shape, data } = constants.get(String(slope)) as Constant;
  const name = `${outputs[0]}/slope`;
  constants.set(name, { shape, data: Float32Array.from(data as Float32Array, (value) => -value) });
  return [name];
}

const isSameShape = (a: Shape | undefined, b: Shape | undefined): boolean => a?.join() === b?.join();
