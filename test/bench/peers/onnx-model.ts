/** ONNX models of one node, written as protobuf by hand: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. */

/** A node, with inputs and outputs of float32 and any size. */
export interface OnnxNode {
  readonly type: string;
  readonly domain?: string;
  /** Names; an empty one is an optional input that is left out. */
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, number>>;
  /** Number of axes of each input and output. */
  readonly ranks: Readonly<Record<string, number>>;
}

/** The bytes of a model that is this node. */
export function onnxModel(node: OnnxNode): Uint8Array {
  const { inputs, outputs } = node;
  const graph = [
    ...message(1, nodeBytes(node)),
    ...text(2, "graph"),
    ...inputs.filter((name) => name !== "").flatMap((name) => message(11, value(node, name))),
    ...outputs.flatMap((name) => message(12, value(node, name))),
  ];
  const opset = (domain: string, version: number): readonly number[] =>
    message(8, [...text(1, domain), ...integer(2, version)]);
  return Uint8Array.from([
    ...integer(1, 8),
    ...message(7, graph),
    ...opset("", 17),
    ...opset("com.microsoft", 1),
  ]);
}

function nodeBytes({ type, domain, inputs, outputs, attributes }: OnnxNode): readonly number[] {
  return [
    ...inputs.flatMap((name) => text(1, name)),
    ...outputs.flatMap((name) => text(2, name)),
    ...text(4, type),
    // 2 is the attribute type of an integer.
    ...Object.entries(attributes ?? {}).flatMap(([name, of]) =>
      message(5, [...text(1, name), ...integer(3, of), ...integer(20, 2)]),
    ),
    ...(domain === undefined ? [] : text(7, domain)),
  ];
}

function value({ ranks }: OnnxNode, name: string): readonly number[] {
  const axes = Array.from({ length: ranks[name] ?? 0 }, (_, axis) =>
    message(1, text(2, `${name}_${axis}`)),
  );
  const float = 1;
  const tensor = [...integer(1, float), ...message(2, axes.flat())];
  return [...text(1, name), ...message(2, message(1, tensor))];
}

function integer(field: number, of: number): readonly number[] {
  return [...varint(field << 3), ...varint(of)];
}

function text(field: number, of: string): readonly number[] {
  return message(field, [...new TextEncoder().encode(of)]);
}

function message(field: number, bytes: readonly number[]): readonly number[] {
  return [...varint((field << 3) | 2), ...varint(bytes.length), ...bytes];
}

function varint(of: number): readonly number[] {
  const bytes: number[] = [];
  for (let rest = of; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) + 128);
  }
}
