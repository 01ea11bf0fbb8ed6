/**
 * A WebAssembly module that runs lists of kernel calls: records in memory, one after another, without a
 * way back to JavaScript between. What JavaScript does for a call costs more than a small kernel, and
 * several times as much once the weights of the kernels have pushed its code out of the caches.
 *
 * A record is the kernel's number, how many of its groups, whether threads share them, the first of
 * them, and the arguments. `serve` and what shares a call say together how threads share the groups of one kernel.
 * Each thread has a share of the groups, the same in every call, so that the weights that it reads stay
 * in its core's cache from token to token; when its own are gone it helps with others'. A share counts
 * the groups that are left; whoever takes some takes a quarter of them from the end, at least one, so
 * that the last ones are short. Whatever thread computes a group, it computes the same.
 *
 * The call is read after groups were won: until those are done nothing else can be published. So a
 * thread that slept through any number of calls does no harm, and nobody waits for one that has no
 * groups. Between calls a thread looks for work for about half a millisecond and then sleeps.
 */

import {
  add,
  addShared,
  again,
  and,
  bodyOf,
  call,
  type Code,
  type Coded,
  constant,
  drop,
  either,
  equal,
  exchange,
  get,
  greater,
  i32Type,
  isZero,
  leave,
  less,
  list,
  load,
  loadShared,
  long,
  notify,
  quotient,
  remainder,
  rounds,
  section,
  select,
  set,
  shiftRight,
  store,
  storeShared,
  subtract,
  text,
  times,
  unsigned,
  wait,
  when,
} from "./assemble.ts";

/** Where the parts of a record lie, in words. */
export const record = { kernel: 0, groups: 1, shared: 2, first: 3, arguments: 4 } as const;

/**
 * Where what threads share lies, in bytes from its start; a cache line is 64, and what different
 * threads write has lines of its own.
 */
export const shared = {
  /** The calls published so far; -1 once the pool is closed. */
  calls: 0,
  /** The address of the record of the call. */
  call: 4,
  /** Groups done, and whether the calling thread sleeps until all are. */
  done: 64,
  waits: 68,
  /** Threads that sleep until `calls` changes. */
  sleepers: 128,
  /** Threads, the calling one included, and whether that may sleep. */
  threads: 192,
  maySleep: 196,
  /** The address of the record that the calling thread works on. */
  current: 256,
  /** The length of the message of a kernel that trapped, 0 if none did; its letters follow. */
  failure: 320,
  /** The share of the first thread, a line each: the groups left, the first of them, the last taken. */
  shares: 2048,
  line: 64,
  left: 0,
  first: 4,
  taken: 8,
} as const;

/** The bytes that so many threads share. */
export function sharedBytes(threads: number): number {
  return shared.shares + threads * shared.line;
}

/** Looks for work before a thread sleeps: about half a millisecond, longer than from token to token. */
const looksForWork = 300_000;
/** Looks at whether all is done before the calling thread sleeps: about 20 µs. */
const looksWhetherDone = 10_000;
/** How long it sleeps before it looks again, in nanoseconds. */
const sleepNanoseconds = 10_000_000;
/** Calls are counted up to here, and from 1 again. */
const mostCalls = 2 ** 30;

/** What a kernel's record is called with: the address of its arguments, the first group and the end. */
const callParameters = 3;

/** Calls kernel `index`, which takes so many `numbers` beside the two groups. */
function kernelCall(index: number, numbers: number): Coded {
  const args = Array.from({ length: numbers }, (_, at) => load(4 * at, get(0)));
  return {
    parameters: callParameters,
    locals: 0,
    body: call(index, get(1), get(2), ...args),
  };
}

/** Copies memory: from, to, bytes. */
const copyCall: Coded = {
  parameters: callParameters,
  locals: 0,
  body: [...load(4, get(0)), ...load(0, get(0)), ...load(8, get(0)), ...[0xfc, 0x0a, 0, 0]],
};

/** Runs the groups of the record at `at` from `first` to `end`. */
function runGroups(at: Code, first: Code, end: Code): Code {
  const kernel = load(4 * record.kernel, at);
  return [...add(at, constant(4 * record.arguments)), ...first, ...end, ...kernel, 0x11, 0, 0];
}

/** Takes groups, of the share of thread 1 first, until none is left; 0 is what threads share. */
function take(): Coded {
  const [sync, own, tried, place, left, count, at, first, groups] = [0, 1, 2, 3, 4, 5, 6, 7, 8];
  const threads = load(shared.threads, get(sync));
  const turn = remainder(add(get(own), get(tried)), threads);
  const line = add(get(sync), times(turn, constant(shared.line)));
  const ownLine = add(get(sync), times(get(own), constant(shared.line)));
  const quarter = shiftRight(get(left), constant(2));
  const now = add(addShared(shared.done, get(sync), get(count)), get(count));
  const isLast = and(equal(now, get(groups)), loadShared(shared.waits, get(sync)));
  return {
    parameters: 2,
    locals: 7,
    body: rounds(
      leave(isZero(less(get(tried), threads))),
      set(place, line),
      set(left, loadShared(shared.shares + shared.left, get(place))),
      when(
        less(get(left), constant(1)),
        set(tried, add(get(tried), constant(1))),
        again(constant(1), 1),
      ),
      set(count, select(quarter, constant(1), greater(quarter, constant(1)))),
      again(
        isZero(
          equal(
            exchange(
              shared.shares + shared.left,
              get(place),
              get(left),
              subtract(get(left), get(count)),
            ),
            get(left),
          ),
        ),
      ),
      set(at, load(shared.call, get(sync))),
      set(groups, load(4 * record.groups, get(at))),
      set(
        first,
        subtract(add(load(shared.shares + shared.first, get(place)), get(left)), get(count)),
      ),
      store(shared.shares + shared.taken, ownLine, get(count)),
      runGroups(get(at), get(first), add(get(first), get(count))),
      when(isLast, drop(notify(shared.done, get(sync), constant(1)))),
    ),
  };
}

/** Takes what groups are left and waits until those of others are done, too. */
function finish(taking: number): Coded {
  const [sync, groups, done, looks] = [0, 1, 2, 3];
  const maySleep = load(shared.maySleep, get(sync));
  const tired = and(greater(get(looks), constant(looksWhetherDone)), maySleep);
  return {
    parameters: 1,
    locals: 3,
    body: [
      ...call(taking, get(sync), constant(0)),
      ...set(groups, load(4 * record.groups, load(shared.call, get(sync)))),
      ...rounds(
        set(done, loadShared(shared.done, get(sync))),
        leave(equal(get(done), get(groups))),
        set(looks, add(get(looks), constant(1))),
        when(
          tired,
          storeShared(shared.waits, get(sync), constant(1)),
          drop(wait(shared.done, get(sync), get(done), long(sleepNanoseconds))),
          storeShared(shared.waits, get(sync), constant(0)),
        ),
      ),
    ],
  };
}

/** Shares the groups of the record at 1 out; other threads begin with theirs. */
function share(): Coded {
  const [sync, at, index, threads, each, more, place] = [0, 1, 2, 3, 4, 5, 6];
  const groups = load(4 * record.groups, get(at));
  const takesMore = less(get(index), get(more));
  const before = add(times(get(index), get(each)), select(get(index), get(more), takesMore));
  const first = add(load(4 * record.first, get(at)), before);
  const calls = load(shared.calls, get(sync));
  return {
    parameters: 2,
    locals: 5,
    body: [
      ...set(threads, load(shared.threads, get(sync))),
      ...set(each, quotient(groups, get(threads))),
      ...set(more, remainder(groups, get(threads))),
      ...store(shared.call, get(sync), get(at)),
      ...storeShared(shared.done, get(sync), constant(0)),
      ...rounds(
        leave(isZero(less(get(index), get(threads)))),
        set(place, add(get(sync), times(get(index), constant(shared.line)))),
        store(shared.shares + shared.first, get(place), first),
        storeShared(shared.shares + shared.left, get(place), add(get(each), takesMore)),
        set(index, add(get(index), constant(1))),
      ),
      ...storeShared(
        shared.calls,
        get(sync),
        add(remainder(calls, constant(mostCalls)), constant(1)),
      ),
      ...when(
        loadShared(shared.sleepers, get(sync)),
        drop(notify(shared.calls, get(sync), constant(-1))),
      ),
    ],
  };
}

/** Runs `count` records from `at` on, `bytes` apart. */
function run(sharing: number, finishing: number): Coded {
  const [sync, at, count, bytes] = [0, 1, 2, 3];
  const together = [...call(sharing, get(sync), get(at)), ...call(finishing, get(sync))];
  const first = load(4 * record.first, get(at));
  const alone = runGroups(get(at), first, add(first, load(4 * record.groups, get(at))));
  return {
    parameters: 4,
    locals: 0,
    body: rounds(
      leave(isZero(get(count))),
      store(shared.current, get(sync), get(at)),
      either(load(4 * record.shared, get(at)), together, alone),
      set(at, add(get(at), get(bytes))),
      set(count, subtract(get(count), constant(1))),
    ),
  };
}

/** Serves calls as thread 1 until the pool is closed. */
function serve(taking: number): Coded {
  const [sync, own, seen, calls, looks] = [0, 1, 2, 3, 4];
  return {
    parameters: 2,
    locals: 3,
    body: rounds(
      set(calls, loadShared(shared.calls, get(sync))),
      leave(less(get(calls), constant(0))),
      when(
        isZero(equal(get(calls), get(seen))),
        set(seen, get(calls)),
        set(looks, constant(0)),
        call(taking, get(sync), get(own)),
        again(constant(1), 1),
      ),
      set(looks, add(get(looks), constant(1))),
      again(less(get(looks), constant(looksForWork))),
      drop(addShared(shared.sleepers, get(sync), constant(1))),
      drop(wait(shared.calls, get(sync), get(seen), long(-1))),
      drop(addShared(shared.sleepers, get(sync), constant(-1))),
      set(looks, constant(0)),
    ),
  };
}

/**
 * The module for kernels that take so many `numbers` beside the two groups. It imports them as
 * `kernels.0`, `kernels.1` …, and `env.memory`; in records a copy is the kernel after the last. It
 * exports `run(shared, at, count, bytes)`, `share(shared, at)`, `finish(shared)` and
 * `serve(shared, thread)`.
 */
export function runnerModule(
  numbers: readonly number[],
  mostPages: number,
): Uint8Array<ArrayBuffer> {
  const kernels = numbers.length;
  const callers = [...numbers.map((count, index) => kernelCall(index, count)), copyCall];
  const first = kernels + callers.length;
  const [taking, finishing, sharing] = [first, first + 1, first + 2];
  const more = [take(), finish(taking), share(), run(sharing, finishing), serve(taking)];
  const functions = [...callers, ...more];
  const counts = [
    ...new Set([
      callParameters,
      ...functions.map(({ parameters }) => parameters),
      ...numbers.map((count) => count + 2),
    ]),
  ];
  const typeOf = (parameters: number): number => counts.indexOf(parameters);
  const types = counts.map((count) => [0x60, ...list(Array(count).fill([i32Type])), 0]);
  const memory = [...text("env"), ...text("memory"), 0x02, 0x03, 0, ...unsigned(mostPages)];
  const imports = numbers.map((count, index) => {
    const name = [...text("kernels"), ...text(String(index))];
    return [...name, 0x00, ...unsigned(typeOf(count + 2))];
  });
  const exported = (name: string, index: number): Code => [...text(name), 0x00, ...unsigned(index)];
  const places = callers.map((_, index) => unsigned(kernels + index));
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, list(types)),
    ...section(2, list([...imports, memory])),
    ...section(3, list(functions.map(({ parameters }) => unsigned(typeOf(parameters))))),
    ...section(4, list([[0x70, 0x00, ...unsigned(callers.length)]])),
    ...section(
      7,
      list([
        exported("finish", finishing),
        exported("run", sharing + 1),
        exported("serve", sharing + 2),
        exported("share", sharing),
      ]),
    ),
    ...section(9, list([[0x00, ...constant(0), 0x0b, ...list(places)]])),
    ...section(10, list(functions.map(bodyOf))),
  ]);
}
