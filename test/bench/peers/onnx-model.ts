/** ONNX models, written as protobuf by hand: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. */

/** Whole numbers are integer attributes, lists of them too, `{ float }` the others. */
type OnnxAttribute = number | readonly number[] | { readonly float: number };

/** An operation. */
export interface OnnxNode {
  readonly type: string;
  readonly domain?: string;
  /** Names; an empty one is an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

/** An input or output; axes that are words have any size. */
export interface OnnxValue {
  readonly name: string;
  readonly element: keyof typeof elements;
  readonly axes: readonly (string | number)[];
}

/** A tensor that is part of the model. */
export interface OnnxConstant {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | BigInt64Array;
}

export interface OnnxGraph {
  readonly nodes: readonly OnnxNode[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly constants: readonly OnnxConstant[];
}

/** The numbers of element types in the format. */
const elements = { float32: 1, int32: 6, int64: 7 } as const;

/** The bytes of a model. */
export function onnxModel({ nodes, inputs, outputs, constants }: OnnxGraph): Uint8Array {
  const graph = [
    ...nodes.map((each) => message(1, nodeParts(each))),
    text(2, "graph"),
    ...constants.map((each) => message(5, constantParts(each))),
    ...inputs.map((each) => message(11, valueParts(each))),
    ...outputs.map((each) => message(12, valueParts(each))),
  ];
  const opset = (domain: string, version: number): Uint8Array =>
    message(8, [text(1, domain), integer(2, version)]);
  return joined([integer(1, 8), message(7, graph), opset("", 17), opset("com.microsoft", 1)]);
}

function nodeParts({ type, domain, inputs, outputs, attributes }: OnnxNode): Uint8Array[] {
  const attribute = ([name, of]: [string, OnnxAttribute]): Uint8Array =>
    message(5, [text(1, name), ...attributeParts(of)]);
  return [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, type),
    ...Object.entries(attributes ?? {}).map(attribute),
    ...(domain === undefined ? [] : [text(7, domain)]),
  ];
}

function attributeParts(of: OnnxAttribute): Uint8Array[] {
  const [float, whole, wholes] = [1, 2, 7];
  if (typeof of === "number") return [integer(3, of), integer(20, whole)];
  if ("float" in of)
    return [tagged(2, 5, new Uint8Array(Float32Array.of(of.float).buffer)), integer(20, float)];
  return [...of.map((each) => integer(8, each)), integer(20, wholes)];
}

function valueParts({ name, element, axes }: OnnxValue): Uint8Array[] {
  const sizes = axes.map((axis) =>
    message(1, [typeof axis === "number" ? integer(1, axis) : text(2, axis)]),
  );
  const tensor = [integer(1, elements[element]), message(2, sizes)];
  return [text(1, name), message(2, [message(1, tensor)])];
}

function constantParts({ name, shape, data }: OnnxConstant): Uint8Array[] {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const sizes = shape.map((size) => integer(1, size));
  const element = data instanceof Float32Array ? elements.float32 : elements.int64;
  return [...sizes, integer(2, element), text(8, name), message(9, [bytes])];
}

function integer(field: number, of: number): Uint8Array {
  return joined([varint(field << 3), varint(of)]);
}

function text(field: number, of: string): Uint8Array {
  return message(field, [new TextEncoder().encode(of)]);
}

function message(field: number, parts: readonly Uint8Array[]): Uint8Array {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  return joined([varint((field << 3) | 2), varint(length), ...parts]);
}

function tagged(field: number, wire: number, bytes: Uint8Array): Uint8Array {
  return joined([varint((field << 3) | wire), bytes]);
}

function varint(of: number): Uint8Array {
  const bytes: number[] = [];
  for (let rest = of; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return Uint8Array.from([...bytes, rest]);
    bytes.push((rest % 128) + 128);
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const result = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    result.set(part, at);
    at += part.length;
  }
  return result;
}
