/**
 * What the instructions of warps and tensor cores do, by the PTX ISA and with its layouts of lanes:
 * `shfl.sync`, `vote.sync`, `ldmatrix`, `mma.sync` m16n8k16 and m16n8k8, `cp.async`, atomics.
 */

#include <cmath>
#include <cstring>

#include "../include/cuda_host.h"
#include "block.h"
#include "shadow.h"

namespace braid {
namespace {

constexpr unsigned all_lanes = 0xffffffff;

struct ShuffleLane {
  uint32_t value;
  uint32_t result;
  Shuffle kind;
  unsigned operand;
  unsigned width;
};

void shuffle_lanes(void* const lanes[32]) {
  for (unsigned i = 0; i < 32; i++) {
    auto* lane = static_cast<ShuffleLane*>(lanes[i]);
    if (lane == nullptr) continue;
    const unsigned first = i / lane->width * lane->width;
    const unsigned last = first + lane->width - 1;
    int from = int(i);
    if (lane->kind == Shuffle::index) from = int(first + lane->operand % lane->width);
    if (lane->kind == Shuffle::up) from = int(i) - int(lane->operand);
    if (lane->kind == Shuffle::down) from = int(i + lane->operand);
    if (lane->kind == Shuffle::exclusive_or) from = int(i ^ lane->operand);
    // Beyond its segment a lane keeps its own value; an exclusive or may reach earlier ones.
    const bool too_low = from < int(first) && lane->kind != Shuffle::exclusive_or;
    if (too_low || from > int(last)) from = int(i);
    auto* source = static_cast<ShuffleLane*>(lanes[from]);
    if (source == nullptr) report("a shuffle reads lane " + std::to_string(from) + ", which takes no part");
    lane->result = source->value;
  }
}

struct VoteLane {
  bool predicate;
  unsigned result;
};

void vote_lanes(void* const lanes[32]) {
  unsigned votes = 0;
  for (unsigned i = 0; i < 32; i++) {
    if (lanes[i] != nullptr && static_cast<VoteLane*>(lanes[i])->predicate) votes |= 1u << i;
  }
  for (unsigned i = 0; i < 32; i++) {
    if (lanes[i] != nullptr) static_cast<VoteLane*>(lanes[i])->result = votes;
  }
}

struct MatrixLane {
  const char* row;
  uint4 result;
  int count;
  bool transposed;
};

/** The eight rows of one matrix are read in one turn if they lie in different banks. */
void count_conflicts(void* const lanes[32], int matrix) {
  unsigned turns[8] = {};
  unsigned most = 0;
  for (int row = 0; row < 8; row++) {
    const auto* lane = static_cast<MatrixLane*>(lanes[matrix * 8 + row]);
    const unsigned bank = uintptr_t(lane->row) / 16 % 8;
    bool is_repeated = false;
    for (int other = 0; other < row; other++) {
      is_repeated = is_repeated ||
                    static_cast<MatrixLane*>(lanes[matrix * 8 + other])->row == lane->row;
    }
    if (!is_repeated) turns[bank]++;
    if (turns[bank] > most) most = turns[bank];
  }
  counts().bank_conflicts += most - 1;
}

void load_lanes(void* const lanes[32]) {
  const auto* first = static_cast<MatrixLane*>(lanes[0]);
  for (int matrix = 0; matrix < first->count; matrix++) {
    uint16_t rows[8][8];
    for (int row = 0; row < 8; row++) {
      memcpy(rows[row], static_cast<MatrixLane*>(lanes[matrix * 8 + row])->row, 16);
    }
    for (int i = 0; i < 32; i++) {
      const int row = i / 4;
      const int column = i % 4 * 2;
      const uint16_t low = first->transposed ? rows[column][row] : rows[row][column];
      const uint16_t high = first->transposed ? rows[column + 1][row] : rows[row][column + 1];
      (&static_cast<MatrixLane*>(lanes[i])->result.x)[matrix] = uint32_t(high) << 16 | low;
    }
    count_conflicts(lanes, matrix);
  }
  counts().matrix_loads++;
}

struct ProductLane {
  Operand operand;
  float sum[4];
  uint32_t left[4];
  uint32_t right[2];
};

/** Element `index` of a register's two, or the register's one. */
float element(Operand operand, uint32_t bits, int index) {
  const uint16_t part = uint16_t(bits >> (16 * index));
  if (operand == Operand::f16) return half_to_float(part);
  if (operand == Operand::bf16) return bfloat_to_float(part);
  // The tensor core does not read the last 13 bits.
  return __builtin_bit_cast(float, bits & 0xffffe000);
}

/** Products are exact; sums are float32, k ascending, each rounded to nearest. */
void multiply_lanes(void* const lanes[32]) {
  const Operand operand = static_cast<ProductLane*>(lanes[0])->operand;
  const bool is_wide = operand == Operand::tf32;
  const int depth = is_wide ? 8 : 16;
  float left[16][16];
  float right[16][8];
  for (int i = 0; i < 32; i++) {
    const auto* lane = static_cast<ProductLane*>(lanes[i]);
    const int group = i / 4;
    const int place = i % 4;
    for (int r = 0; r < 4; r++) {
      const int row = group + (r % 2 == 0 ? 0 : 8);
      if (is_wide) left[row][place + r / 2 * 4] = element(operand, lane->left[r], 0);
      for (int e = 0; e < 2 && !is_wide; e++) {
        left[row][place * 2 + e + r / 2 * 8] = element(operand, lane->left[r], e);
      }
    }
    for (int r = 0; r < 2; r++) {
      if (is_wide) right[place + r * 4][group] = element(operand, lane->right[r], 0);
      for (int e = 0; e < 2 && !is_wide; e++) {
        right[place * 2 + e + r * 8][group] = element(operand, lane->right[r], e);
      }
    }
  }
  for (int i = 0; i < 32; i++) {
    auto* lane = static_cast<ProductLane*>(lanes[i]);
    for (int c = 0; c < 4; c++) {
      const int row = i / 4 + c / 2 * 8;
      const int column = i % 4 * 2 + c % 2;
      for (int k = 0; k < depth; k++) {
        // Exact in double: two operands have 22 bits at most.
        lane->sum[c] = float(double(lane->sum[c]) + double(left[row][k]) * right[k][column]);
      }
    }
  }
  counts().products++;
}

void arrive(const Copy& copy) {
  memcpy(copy.to, copy.from, size_t(copy.valid));
  memset(copy.to + copy.valid, 0, size_t(copy.bytes - copy.valid));
  copy_arrives(copy.to, size_t(copy.bytes));
}

template <typename T> T update(Atomic kind, T* place, T value) {
  check(place, sizeof(T), Access::atomic);
  const T old = *place;
  if (kind == Atomic::add) *place = old + value;
  if (kind == Atomic::minimum) *place = value < old ? value : old;
  if (kind == Atomic::maximum) *place = old < value ? value : old;
  if (kind == Atomic::exchange) *place = value;
  return old;
}

}  // namespace

uint32_t shuffle(Shuffle kind, unsigned mask, uint32_t value, unsigned operand, int width) {
  ShuffleLane lane{value, 0, kind, operand, unsigned(width)};
  collective(shuffle_lanes, "a shuffle", mask, &lane);
  return lane.result;
}

unsigned ballot(unsigned mask, int predicate) {
  VoteLane lane{predicate != 0, 0};
  collective(vote_lanes, "a vote", mask, &lane);
  return lane.result;
}

uint4 load_matrices(const void* row, int count, bool transposed) {
  // Lanes beyond the matrices' rows bring addresses that nobody looks at.
  if (int(lane_index()) < count * 8) {
    if (uintptr_t(row) % 16 != 0) report("ldmatrix reads a row that is not aligned to 16 bytes");
    check(row, 16, Access::read);
  }
  MatrixLane lane{static_cast<const char*>(row), {}, count, transposed};
  collective(load_lanes, "ldmatrix", all_lanes, &lane);
  return lane.result;
}

float4 multiply(Operand operand, float4 sum, uint4 left, uint2 right) {
  ProductLane lane{operand,
                   {sum.x, sum.y, sum.z, sum.w},
                   {left.x, left.y, left.z, left.w},
                   {right.x, right.y}};
  collective(multiply_lanes, "mma", all_lanes, &lane);
  return {lane.sum[0], lane.sum[1], lane.sum[2], lane.sum[3]};
}

void copy_async(void* shared, const void* global, int bytes, int valid) {
  const bool aligned = (uintptr_t(shared) | uintptr_t(global)) % unsigned(bytes) == 0;
  if (!aligned) report("cp.async is not aligned to its " + std::to_string(bytes) + " bytes");
  if (valid > 0) check(global, size_t(valid), Access::read);
  copy_begins(shared, size_t(bytes));
  copies().groups.back().push_back(
      {static_cast<char*>(shared), static_cast<const char*>(global), bytes, valid});
  counts().async_copies++;
}

void copy_commit() { copies().groups.emplace_back(); }

void copy_wait(int pending) {
  auto& groups = copies().groups;
  // The open group counts only once it is committed.
  while (groups.size() > size_t(pending) + 1) {
    for (const Copy& copy : groups.front()) arrive(copy);
    groups.erase(groups.begin());
  }
}

float atomic(Atomic kind, float* place, float value) { return update(kind, place, value); }
int atomic(Atomic kind, int* place, int value) { return update(kind, place, value); }
unsigned atomic(Atomic kind, unsigned* place, unsigned value) {
  return update(kind, place, value);
}

}  // namespace braid
