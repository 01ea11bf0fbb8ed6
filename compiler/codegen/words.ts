/** Words that a kernel may use as names but a language keeps for itself. */

/**
 * A table from the names of a kernel to words of the language: each itself, or with underscores
 * added where it is reserved, such that different names stay different.
 */
export function wordsFor(
  names: Iterable<string>,
  reserved: ReadonlySet<string>,
): (name: string) => string {
  const all = new Set(names);
  const changed = new Map<string, string>();
  for (const name of all) {
    // Names with leading underscores belong to the language, in WGSL as in C.
    const wanted = /^_(_|$)/.test(name) ? `v${name}` : name;
    let word = wanted;
    while (reserved.has(word) || (word !== name && all.has(word))) word = `${word}_`;
    if (word !== name) {
      changed.set(name, word);
      all.add(word);
    }
  }
  return (name) => changed.get(name) ?? name;
}

function list(text: string): ReadonlySet<string> {
  return new Set(text.trim().split(/\s+/));
}

/**
 * Keywords and reserved words of WGSL (sections 15.1 and 15.2), and the names that our text uses.
 */
export const reservedInWgsl: ReadonlySet<string> = list(`
  alias break case const const_assert continue continuing default diagnostic discard else enable
  false fn for if let loop override requires return struct switch true var while
  NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto await become
  binding_array cast catch class co_await co_return co_yield coherent column_major common compile
  compile_fragment concept const_cast consteval constexpr constinit crate debugger decltype delete
  demote demote_to_helper do dynamic_cast enum explicit export extends extern external fallthrough
  filter final finally friend from fxgroup get goto groupshared highp impl implements import inline
  instanceof interface layout lowp macro macro_rules match mediump meta mod module move mut mutable
  namespace new nil noexcept noinline nointerpolation noperspective null nullptr of operator package
  packoffset partition pass patch pixelfragment precise precision premerge priv protected pub public
  readonly ref regardless register reinterpret_cast require resource restrict self set shared sizeof
  smooth snorm static static_assert static_cast std subroutine super target template this thread_local
  throw trait try type typedef typeid typename typeof union unless unorm unsafe unsized use using
  varying virtual volatile wgsl where with writeonly yield
  f32 i32 u32 bool vec4 array bitcast select min max abs floor ceil round sqrt inverseSqrt fma
  subgroupAdd subgroupMax subgroupShuffleXor subgroup_size subgroup subgroup_lane subgroup_lanes
  workgroupBarrier Sizes sizes group invocation warp group_id grid local_index lanes
  precise_exp precise_exp2 precise_log precise_tanh precise_erf precise_acos precise_sin precise_cos
  precise_exp4 precise_exp24 precise_log4 precise_tanh4 precise_erf4 precise_acos4 precise_sin4
  precise_cos4
`);

/** Keywords of C++ and CUDA, and the names that our text uses. */
export const reservedInCuda: ReadonlySet<string> = list(`
  alignas alignof and and_eq asm auto bitand bitor bool break case catch char char16_t char32_t
  class compl const constexpr const_cast continue decltype default delete do double dynamic_cast else
  enum explicit export extern false float for friend goto if inline int long mutable namespace new
  noexcept not not_eq nullptr operator or or_eq private protected public register reinterpret_cast
  return short signed sizeof static static_assert static_cast struct switch template this thread_local
  throw true try typedef typeid typename union unsigned using virtual void volatile wchar_t while xor
  xor_eq concept requires co_await co_return co_yield consteval constinit char8_t
  threadIdx blockIdx blockDim gridDim warpSize groups group invocation lanes load4 store4 splat4
  select4 min max abs fabsf fminf fmaxf floorf ceilf rintf sqrtf rsqrtf fmaf expf exp2f logf
  float4 int4 half uint
  precise_exp precise_exp2 precise_log precise_tanh precise_erf precise_acos precise_sin precise_cos
  precise_exp4 precise_exp24 precise_log4 precise_tanh4 precise_erf4 precise_acos4 precise_sin4
  precise_cos4
`);
