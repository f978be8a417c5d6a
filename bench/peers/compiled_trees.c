/* Times a compiled tree model: compiled_trees LIBRARY tl2cgen|lleaves ROWS_FILE COLUMNS SECONDS
 * prints microseconds of CPU time a row, one row a call and all rows a call, and the first row's prediction.
 * ROWS_FILE: little-endian floats, row-major. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

union Entry {
  int missing;
  float value;
};
typedef void (*Tl2cgen)(union Entry* row, int margin, float* out);
typedef void (*Lleaves)(const double* rows, double* out, int first, int end);

static Tl2cgen tl2cgen;
static Lleaves lleaves;
static float* rows;
static double* wide_rows;
static union Entry* entries;
static float out_float;
static double* out_wide;
static int count, columns;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void one(int row) {
  if (tl2cgen)
    tl2cgen(entries + (size_t)row * columns, 0, &out_float);
  else
    lleaves(wide_rows, out_wide, row, row + 1);
}

static void all(void) {
  if (lleaves) {
    lleaves(wide_rows, out_wide, 0, count);
    return;
  }
  for (int row = 0; row < count; ++row) one(row);
}

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  void* library = dlopen(argv[1], RTLD_NOW);
  if (!library) {
    fprintf(stderr, "%s\n", dlerror());
    return 1;
  }
  if (strcmp(argv[2], "tl2cgen") == 0)
    tl2cgen = (Tl2cgen)dlsym(library, "predict");
  else
    lleaves = (Lleaves)dlsym(library, "forest_root");
  if (!tl2cgen && !lleaves) return 1;
  columns = atoi(argv[4]);
  FILE* file = fopen(argv[3], "rb");
  if (!file) return 1;
  fseek(file, 0, SEEK_END);
  const size_t values = (size_t)ftell(file) / sizeof(float);
  rewind(file);
  count = (int)(values / (size_t)columns);
  rows = malloc(values * sizeof(float));
  wide_rows = malloc(values * sizeof(double));
  entries = malloc(values * sizeof(union Entry));
  out_wide = calloc((size_t)count, sizeof(double));
  if (fread(rows, sizeof(float), values, file) != values) return 1;
  for (size_t i = 0; i < values; ++i) {
    wide_rows[i] = rows[i];
    if (rows[i] != rows[i])
      entries[i].missing = -1;
    else
      entries[i].value = rows[i];
  }
  const double seconds = atof(argv[5]);
  all();
  long calls = 0;
  double start = now();
  for (int row = 0; (calls & 255) || now() - start < seconds; ++calls, row = row + 1 == count ? 0 : row + 1)
    one(row);
  const double one_row = (now() - start) / (double)calls;
  long batches = 0;
  start = now();
  do {
    all();
    ++batches;
  } while (now() - start < seconds);
  const double batch = (now() - start) / (double)batches / count;
  one(0);
  printf("%.6f %.6f %.7g\n", one_row * 1e6, batch * 1e6, tl2cgen ? out_float : out_wide[0]);
  return 0;
}
