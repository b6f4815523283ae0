/**
 * Formulas to be found in a graph. One says what a value is computed by, whatever the order of factors and summands, and
 * wherever numbers stand among them.
 *
 * @module
 */
import { type Graph, type GraphNode, producersOf } from "@pea/graph";

/** What the letters of a formula stand for: values of the graph, and numbers. */
export type Meaning = Readonly<Record<string, string | number>>;

/** All meanings, beside those known already, that make a value the formula's. */
export type Formula = (view: GraphView, value: string, known: Meaning) => Meaning[];

/** A graph, asked what its values are computed by. */
export class GraphView {
  readonly #producers: ReadonlyMap<string, GraphNode>;

  constructor(private readonly graph: Graph) {
    this.#producers = producersOf(graph);
  }

  producer(value: string): GraphNode | undefined {
    return this.#producers.get(value);
  }

  isConstant(value: string): boolean {
    return this.graph.constants.has(value);
  }

  /** The number that a constant of one element is. */
  number(value: string): number | undefined {
    const data = this.graph.constants.get(value)?.data;
    return data?.length === 1 ? Number(data[0]) : undefined;
  }
}

/** A letter: any value, the same wherever it stands. */
export const letter =
  (name: string): Formula =>
  (_, value, known) =>
    known[name] === undefined ? [{ ...known, [name]: value }] : known[name] === value ? [known] : [];

/** What a formula holds for, under a name. */
export const named =
  (name: string, formula: Formula): Formula =>
  (view, value, known) =>
    formula(view, value, known).flatMap((each) => letter(name)(view, value, each));

/** A constant of whichever shape. */
export const constant =
  (name: string): Formula =>
  (view, value, known) =>
    view.isConstant(value) ? letter(name)(view, value, known) : [];

/** A number: this one, or whichever, under a name. */
export const number =
  (wanted: number | string): Formula =>
  (view, value, known) => {
    const found = view.number(value);
    return found === undefined ? [] : sameNumber(wanted, found, known);
  };

/** What an operator makes of others, with these attributes where they are told. */
export const made =
  (
    operator: string,
    inputs: readonly Formula[],
    attributes: Readonly<Record<string, number | string | undefined>> = {},
  ): Formula =>
  (view, value, known) => {
    const node = view.producer(value);
    if (node?.operator !== operator || node.inputs.length !== inputs.length) return [];
    let meanings = [known];
    for (const [name, wanted] of Object.entries(attributes)) {
      const found = node.attributes[name];
      meanings = meanings.flatMap((each) =>
        wanted === undefined || typeof found !== "number"
          ? found === wanted
            ? [each]
            : []
          : sameNumber(wanted, found, each),
      );
    }
    return inputs.reduce(
      (soFar, input, place) => soFar.flatMap((each) => input(view, node.inputs[place] as string, each)),
      meanings,
    );
  };

/** The first of several formulas that holds. */
export const either =
  (...formulas: readonly Formula[]): Formula =>
  (view, value, known) => {
    for (const formula of formulas) {
      const found = formula(view, value, known);
      if (found.length > 0) return found;
    }
    return [];
  };

/** A number times others, in whichever order. */
export const product = (factor: number | string, ...factors: readonly Formula[]): Formula =>
  collected(factor, factors, factorsOf);

/** A number and others, in whichever order. */
export const sum = (summand: number | string, ...summands: readonly Formula[]): Formula =>
  collected(summand, summands, summandsOf);

/** A value as a number and the rest of a product, or of a sum; of several ways the one that goes farthest comes first. */
interface Parts {
  readonly number: number;
  readonly rest: readonly string[];
}

/** Products within products, and sums within sums, are followed this far. */
const depthFollowed = 3;

const collected =
  (
    wanted: number | string,
    formulas: readonly Formula[],
    partsOf: (view: GraphView, value: string, depth: number) => Parts[],
  ): Formula =>
  (view, value, known) =>
    partsOf(view, value, depthFollowed)
      .filter(({ rest }) => rest.length === formulas.length)
      .flatMap(({ number: found, rest }) =>
        sameNumber(wanted, found, known).flatMap((each) => inSomeOrder(view, rest, formulas, each)),
      );

function inSomeOrder(
  view: GraphView,
  values: readonly string[],
  [first, ...others]: readonly Formula[],
  known: Meaning,
): Meaning[] {
  if (first === undefined) return [known];
  return values.flatMap((value, place) =>
    first(view, value, known).flatMap((each) => inSomeOrder(view, values.toSpliced(place, 1), others, each)),
  );
}

function factorsOf(view: GraphView, value: string, depth: number): Parts[] {
  const found = view.number(value);
  if (found !== undefined) return [{ number: found, rest: [] }];
  const whole = { number: 1, rest: [value] };
  const node = view.producer(value);
  if (node === undefined || depth === 0) return [whole];
  const [left = "", right = ""] = node.inputs;
  if (node.operator === "Neg")
    return [
      ...factorsOf(view, left, depth - 1).map(({ number, rest }) => ({ number: -number, rest })),
      whole,
    ];
  const divisor = node.operator === "Div" ? view.number(right) : undefined;
  if (divisor !== undefined)
    return [
      ...factorsOf(view, left, depth - 1).map(({ number, rest }) => ({ number: number / divisor, rest })),
      whole,
    ];
  if (node.operator !== "Mul") return [whole];
  return [...joined(view, node, depth, factorsOf, (a, b) => a * b), whole];
}

function summandsOf(view: GraphView, value: string, depth: number): Parts[] {
  const found = view.number(value);
  if (found !== undefined) return [{ number: found, rest: [] }];
  const whole = { number: 0, rest: [value] };
  const node = view.producer(value);
  if (node === undefined || depth === 0) return [whole];
  const subtracted = node.operator === "Sub" ? view.number(node.inputs[1] ?? "") : undefined;
  if (subtracted !== undefined)
    return [
      ...summandsOf(view, node.inputs[0] ?? "", depth - 1).map(({ number, rest }) => ({
        number: number - subtracted,
        rest,
      })),
      whole,
    ];
  if (node.operator !== "Add") return [whole];
  return [...joined(view, node, depth, summandsOf, (a, b) => a + b), whole];
}

/** All ways of the left input with all of the right one, where they are few. */
function joined(
  view: GraphView,
  { inputs: [left = "", right = ""] }: GraphNode,
  depth: number,
  partsOf: (view: GraphView, value: string, depth: number) => Parts[],
  combine: (a: number, b: number) => number,
): Parts[] {
  const others = partsOf(view, right, depth - 1);
  return partsOf(view, left, depth - 1).flatMap((a) =>
    others
      .map((b) => ({ number: combine(a.number, b.number), rest: [...a.rest, ...b.rest] }))
      .filter(({ rest }) => rest.length <= 3),
  );
}

/** Numbers in files are rounded, some to float16's digits. */
function sameNumber(wanted: number | string, found: number, known: Meaning): Meaning[] {
  if (typeof wanted === "string") {
    const before = known[wanted];
    return before === undefined ? [{ ...known, [wanted]: found }] : before === found ? [known] : [];
  }
  return Math.abs(found - wanted) <= 5e-4 * Math.abs(wanted) ? [known] : [];
}
