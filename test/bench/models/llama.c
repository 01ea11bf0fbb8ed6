/*
 * A plain decoder of Llama in C, what a good programmer writes in an afternoon: one thread, loops that
 * the compiler may vectorise, no libraries. Built with `cc -O3 -march=native`.
 *
 * usage: llama WEIGHTS TOKENS ROUNDS
 * WEIGHTS: eight int32 (width, heads, key-value heads, head width, feed-forward width, layers,
 * vocabulary, longest text), then float32: the embedding, then for each layer its input norm, q, k, v,
 * o, the norm after attention, gate, up, down, then the last norm. The embedding is the output, too.
 * Prints the ids of greedy decoding from token 1, then the milliseconds of each round.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WIDTH, HEADS, GROUPS, HEAD, FEED, LAYERS, VOCABULARY, LONGEST, SIZES };

typedef struct {
  const float *norm, *q, *k, *v, *o, *after, *gate, *up, *down;
  float *keys, *values;
} Layer;

static int size[SIZES];
static const float *embedding, *last_norm;
static Layer *layers;
static float *x, *normed, *query, *seen, *hidden, *other, *scores, *logits;

static void *memory(size_t count) {
  void *found = calloc(count, sizeof(float));
  if (!found) exit(1);
  return found;
}

static void product(float *y, const float *w, const float *v, int rows, int columns) {
  for (int i = 0; i < rows; i++) {
    float sum = 0;
    for (int j = 0; j < columns; j++) sum += w[i * columns + j] * v[j];
    y[i] = sum;
  }
}

static void norm(float *y, const float *v, const float *w, int n) {
  float squares = 0;
  for (int i = 0; i < n; i++) squares += v[i] * v[i];
  float scale = 1 / sqrtf(squares / n + 1e-5f);
  for (int i = 0; i < n; i++) y[i] = v[i] * scale * w[i];
}

static void rotate(float *v, int heads, int position) {
  int half = size[HEAD] / 2;
  for (int h = 0; h < heads; h++) {
    for (int i = 0; i < half; i++) {
      float angle = position * powf(10000.0f, -(float)i / half);
      float c = cosf(angle), s = sinf(angle);
      float *a = v + h * size[HEAD] + i, *b = a + half;
      float first = *a * c - *b * s;
      *b = *b * c + *a * s;
      *a = first;
    }
  }
}

static void attend(const Layer *layer, int position) {
  int width = size[HEAD], row = size[GROUPS] * width;
  float scale = 1 / sqrtf(width);
  for (int h = 0; h < size[HEADS]; h++) {
    const float *q = query + h * width;
    int group = h / (size[HEADS] / size[GROUPS]) * width;
    float most = -INFINITY, total = 0;
    for (int p = 0; p <= position; p++) {
      float sum = 0;
      for (int i = 0; i < width; i++) sum += q[i] * layer->keys[p * row + group + i];
      scores[p] = sum * scale;
      if (scores[p] > most) most = scores[p];
    }
    for (int p = 0; p <= position; p++) total += scores[p] = expf(scores[p] - most);
    float *out = seen + h * width;
    memset(out, 0, width * sizeof(float));
    for (int p = 0; p <= position; p++) {
      for (int i = 0; i < width; i++) out[i] += scores[p] / total * layer->values[p * row + group + i];
    }
  }
}

static int step(int token, int position) {
  int width = size[WIDTH], wide = size[HEADS] * size[HEAD], row = size[GROUPS] * size[HEAD];
  memcpy(x, embedding + token * width, width * sizeof(float));
  for (int l = 0; l < size[LAYERS]; l++) {
    Layer *layer = &layers[l];
    float *key = layer->keys + position * row;
    norm(normed, x, layer->norm, width);
    product(query, layer->q, normed, wide, width);
    product(key, layer->k, normed, row, width);
    product(layer->values + position * row, layer->v, normed, row, width);
    rotate(query, size[HEADS], position);
    rotate(key, size[GROUPS], position);
    attend(layer, position);
    product(normed, layer->o, seen, width, wide);
    for (int i = 0; i < width; i++) x[i] += normed[i];
    norm(normed, x, layer->after, width);
    product(hidden, layer->gate, normed, size[FEED], width);
    product(other, layer->up, normed, size[FEED], width);
    for (int i = 0; i < size[FEED]; i++) hidden[i] = hidden[i] / (1 + expf(-hidden[i])) * other[i];
    product(normed, layer->down, hidden, width, size[FEED]);
    for (int i = 0; i < width; i++) x[i] += normed[i];
  }
  norm(x, x, last_norm, width);
  product(logits, embedding, x, size[VOCABULARY], width);
  int best = 0;
  for (int i = 1; i < size[VOCABULARY]; i++) if (logits[i] > logits[best]) best = i;
  return best;
}

static const float *take(const float **from, size_t count) {
  const float *found = *from;
  *from += count;
  return found;
}

static void load(const char *path) {
  FILE *file = fopen(path, "rb");
  if (!file || fread(size, sizeof(int), SIZES, file) != SIZES) exit(1);
  int d = size[WIDTH], wide = size[HEADS] * size[HEAD], row = size[GROUPS] * size[HEAD], f = size[FEED];
  size_t each = 2 * d + (size_t)d * (2 * wide + 2 * row + 3 * f);
  size_t count = (size_t)size[VOCABULARY] * d + size[LAYERS] * each + d;
  float *weights = memory(count);
  if (fread(weights, sizeof(float), count, file) != count) exit(1);
  fclose(file);
  const float *next = weights;
  embedding = take(&next, (size_t)size[VOCABULARY] * d);
  layers = calloc(size[LAYERS], sizeof(Layer));
  for (int l = 0; l < size[LAYERS]; l++) {
    Layer *layer = &layers[l];
    layer->norm = take(&next, d);
    layer->q = take(&next, (size_t)wide * d);
    layer->k = take(&next, (size_t)row * d);
    layer->v = take(&next, (size_t)row * d);
    layer->o = take(&next, (size_t)d * wide);
    layer->after = take(&next, d);
    layer->gate = take(&next, (size_t)f * d);
    layer->up = take(&next, (size_t)f * d);
    layer->down = take(&next, (size_t)d * f);
    layer->keys = memory((size_t)size[LONGEST] * row);
    layer->values = memory((size_t)size[LONGEST] * row);
  }
  last_norm = take(&next, d);
  x = memory(d), normed = memory(d > wide ? d : wide), query = memory(wide), seen = memory(wide);
  hidden = memory(f), other = memory(f), scores = memory(size[LONGEST]), logits = memory(size[VOCABULARY]);
}

int main(int count, char **arguments) {
  if (count != 4) return 2;
  load(arguments[1]);
  int tokens = atoi(arguments[2]), rounds = atoi(arguments[3]);
  for (int round = -1; round < rounds; round++) {
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    int token = 1;
    for (int position = 0; position < tokens; position++) {
      token = step(token, position);
      if (round < 0) printf("%d%c", token, position + 1 < tokens ? ' ' : '\n');
    }
    clock_gettime(CLOCK_MONOTONIC, &end);
    double ms = (end.tv_sec - start.tv_sec) * 1e3 + (end.tv_nsec - start.tv_nsec) / 1e6;
    if (round >= 0) printf("%.4f\n", ms);
  }
  return 0;
}
