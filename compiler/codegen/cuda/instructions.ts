/**
 * The instructions that CUDA C++ has no words for, each as a function of its name. A text has those
 * that it calls.
 */

import { guarded } from "./guarded.ts";

/** A function that kernels may call. */
interface Instruction {
  readonly lines: readonly string[];
}

const matrices = "Loads 8×8 matrices of 16-bit elements; lane l gives row l % 8 of matrix l / 8.";

function loadMatrix(count: 2 | 4, transposed: boolean): Instruction {
  const name = `ldmatrix_x${count}${transposed ? "_trans" : ""}`;
  const places = Array.from({ length: count }, (_, i) => `%${i}`).join(", ");
  const results = Array.from({ length: count }, (_, i) => `"=r"(r[${i}])`).join(", ");
  return {
    lines: [
      `// ${matrices}`,
      `__device__ inline void ${name}(unsigned (&r)[${count}], const void* row) {`,
      `  asm volatile("ldmatrix.sync.aligned.m8n8.x${count}${transposed ? ".trans" : ""}.shared.b16 "`,
      `               "{${places}}, [%${count}];" : ${results}`,
      '               : "r"(static_cast<unsigned>(__cvta_generic_to_shared(row))));',
      "}",
    ],
  };
}

function multiply(shape: string, element: string, type: string): Instruction {
  return {
    lines: [
      `// c += a · b by a warp, on its tensor core; registers as in the PTX manual, \`mma.${shape}\`.`,
      `__device__ inline void mma_${shape}_${element}(float (&c)[4], const unsigned (&a)[4],`,
      `                                          const unsigned (&b)[2]) {`,
      `  asm volatile("mma.sync.aligned.${shape}.row.col.f32.${type}.${type}.f32 "`,
      '               "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"',
      '               : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])',
      '               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));',
      "}",
    ],
  };
}

function pack(element: "f16" | "bf16", type: string): Instruction {
  return {
    lines: [
      "// Two numbers rounded to 16 bits in one register.",
      `__device__ inline unsigned pack_${element}(float low, float high) {`,
      "  unsigned pair;",
      `  asm("cvt.rn.${type}.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));`,
      "  return pair;",
      "}",
    ],
  };
}

function loadFloats(count: 2 | 4): Instruction {
  const items = ["x", "y", "z", "w"].slice(0, count).map((place, i) => `r[${i}] = a.${place};`);
  return {
    lines: [
      "// Floats that start at a multiple of their size, in one access.",
      `__device__ inline void load_x${count}(float (&r)[${count}], const float* from) {`,
      `  const float${count} a = *reinterpret_cast<const float${count}*>(from);`,
      `  ${items.join(" ")}`,
      "}",
    ],
  };
}

function reduce(name: string, operation: (a: string, b: string) => string): Instruction {
  const line = (other: string): string => `      value = ${operation("value", other)};`;
  const shuffled = (by: number): string => `__shfl_xor_sync(0xffffffff, value, ${by})`;
  return {
    lines: [
      "// For each row of a warp's tile; a row lies in the registers of four neighbouring lanes.",
      "template <int rows, int columns>",
      `__device__ inline void ${name}(float (&result)[rows][2], const float (&tile)[rows][columns][4]) {`,
      "#pragma unroll",
      "  for (int i = 0; i < rows; i++) {",
      "#pragma unroll",
      "    for (int h = 0; h < 2; h++) {",
      `      float value = ${operation("tile[i][0][h * 2]", "tile[i][0][h * 2 + 1]")};`,
      "#pragma unroll",
      "      for (int j = 1; j < columns; j++) {",
      `  ${line("tile[i][j][h * 2]")}`,
      `  ${line("tile[i][j][h * 2 + 1]")}`,
      "      }",
      line(shuffled(1)),
      line(shuffled(2)),
      "      result[i][h] = value;",
      "    }",
      "  }",
      "}",
    ],
  };
}

const sharedAddress = '"r"(static_cast<unsigned>(__cvta_generic_to_shared(shared)))';

const instructions: Readonly<Record<string, Instruction>> = {
  ldmatrix_x2: loadMatrix(2, false),
  ldmatrix_x4: loadMatrix(4, false),
  ldmatrix_x2_trans: loadMatrix(2, true),
  ldmatrix_x4_trans: loadMatrix(4, true),
  mma_m16n8k16_f16: multiply("m16n8k16", "f16", "f16"),
  mma_m16n8k16_bf16: multiply("m16n8k16", "bf16", "bf16"),
  mma_m16n8k8_tf32: multiply("m16n8k8", "tf32", "tf32"),
  pack_f16: pack("f16", "f16x2"),
  pack_bf16: pack("bf16", "bf16x2"),
  to_tf32: {
    lines: [
      "// Rounded to the 10 bits of fraction that tensor cores read.",
      "__device__ inline unsigned to_tf32(float x) {",
      "  unsigned bits;",
      '  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(x));',
      "  return bits;",
      "}",
    ],
  },
  exp2_approx: {
    lines: [
      "// To within two units in the last place (PTX manual, `ex2.approx.ftz.f32`).",
      "__device__ inline float exp2_approx(float x) {",
      "  float power;",
      '  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(power) : "f"(x));',
      "  return power;",
      "}",
    ],
  },
  cp_async_16: {
    lines: [
      "// Starts to copy 16 bytes to shared memory, past the first-level cache.",
      "__device__ inline void cp_async_16(void* shared, const void* global) {",
      '  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::',
      `               ${sharedAddress}, "l"(global) : "memory");`,
      "}",
    ],
  },
  cp_async_16_if: {
    lines: [
      "// The same, or zeros.",
      "__device__ inline void cp_async_16_if(void* shared, const void* global, bool valid) {",
      '  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::',
      `               ${sharedAddress}, "l"(global), "r"(valid ? 16 : 0) : "memory");`,
      "}",
    ],
  },
  cp_async_commit: {
    lines: [
      "__device__ inline void cp_async_commit() {",
      '  asm volatile("cp.async.commit_group;" ::: "memory");',
      "}",
    ],
  },
  cp_async_wait: {
    lines: [
      "// Waits until at most the latest `pending` groups of copies are under way.",
      "template <int pending> __device__ inline void cp_async_wait() {",
      '  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");',
      "}",
    ],
  },
  load_x2: loadFloats(2),
  load_x4: loadFloats(4),
  row_maximum: reduce("row_maximum", (a, b) => `fmaxf(${a}, ${b})`),
  row_sum: reduce("row_sum", (a, b) => `${a} + ${b}`),
};

/** The definitions of what `text` calls. */
export function instructionsOf(text: string): readonly string[] {
  return Object.entries(instructions).flatMap(([name, { lines }]) => {
    if (!new RegExp(`\\b${name}\\b`).test(text)) return [];
    return guarded(name, lines);
  });
}
