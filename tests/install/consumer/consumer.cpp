// SPDX-License-Identifier: Apache-2.0
// A program against the installed library, in C++11: one spool in memory and one on disk, with a reader that waits for the
// writer in another thread.
#include <respool/respool.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace {

// What one batch owns. The arrays' private_data points to it.
struct Batch {
  explicit Batch(std::vector<double> v) : values(std::move(v)) {}
  std::vector<double> values;
  const void *column_buffers[2];
  const void *batch_buffers[1];
  ArrowArray column;
  ArrowArray *columns[1];
};

void release_column(ArrowArray *array) {
  array->release = nullptr;
}

void release_batch(ArrowArray *array) {
  delete static_cast<Batch *>(array->private_data);
  array->release = nullptr;
}

ArrowArray make_batch(std::vector<double> values) {
  Batch *batch = new Batch(std::move(values));
  const int64_t rows = static_cast<int64_t>(batch->values.size());
  batch->column_buffers[0] = nullptr;
  batch->column_buffers[1] = batch->values.data();
  batch->batch_buffers[0] = nullptr;
  batch->column = ArrowArray{rows, 0, 0, 2, 0, batch->column_buffers, nullptr, nullptr, release_column, nullptr};
  batch->columns[0] = &batch->column;
  return ArrowArray{rows, 0, 0, 1, 1, batch->batch_buffers, batch->columns, nullptr, release_batch, batch};
}

void check(respool_status status, const respool_error &error) {
  if (status != RESPOOL_OK) throw std::runtime_error(error.message);
}

double sum_all(respool_reader *reader) {
  respool_error error;
  double sum = 0;
  for (;;) {
    ArrowArray batch;
    const respool_status status = respool_reader_next(reader, &batch, RESPOOL_WAIT_FOREVER, &error);
    if (status == RESPOOL_END) return sum;
    check(status, error);
    const double *values = static_cast<const double *>(batch.children[0]->buffers[1]);
    for (int64_t i = 0; i < batch.length; i++) sum += values[batch.children[0]->offset + i];
    batch.release(&batch);
  }
}

using Spool = std::unique_ptr<respool, decltype(&respool_release)>;
using Writer = std::unique_ptr<respool_writer, decltype(&respool_writer_close)>;
using Reader = std::unique_ptr<respool_reader, decltype(&respool_reader_close)>;

void run(int64_t memory_limit) {
  ArrowSchema column{"g", "x", nullptr, 0, 0, nullptr, nullptr, [](ArrowSchema *s) { s->release = nullptr; }, nullptr};
  ArrowSchema *columns[] = {&column};
  ArrowSchema schema{"+s", "", nullptr, 0, 1, columns, nullptr, [](ArrowSchema *s) { s->release = nullptr; }, nullptr};
  respool_error error;
  respool_options options;
  respool_options_init(&options, sizeof options);
  options.memory_limit = memory_limit;

  respool *raw_spool = nullptr;
  respool_writer *raw_writer = nullptr;
  respool_reader *raw_reader = nullptr;
  check(respool_create(&schema, &options, &raw_spool, &raw_writer, &error), error);
  Spool spool(raw_spool, respool_release);
  Writer writer(raw_writer, respool_writer_close);
  check(respool_reader_open(spool.get(), nullptr, &raw_reader, &error), error);
  Reader reader(raw_reader, respool_reader_close);

  double sum = 0;
  std::string trouble;
  std::thread waiting([&] {
    try {
      sum = sum_all(reader.get());
    } catch (const std::exception &e) {
      trouble = e.what();
    }
  });
  for (int i = 0; i < 100; i++) {
    ArrowArray batch = make_batch(std::vector<double>(100, 0.5));
    const respool_status status = respool_writer_append(writer.get(), &batch, &error);
    if (status != RESPOOL_OK) batch.release(&batch);
    if (status != RESPOOL_OK) break;
  }
  const respool_status finished = respool_writer_finish(writer.get(), &error);
  writer.reset();
  waiting.join();
  check(finished, error);
  if (!trouble.empty()) throw std::runtime_error(trouble);
  if (sum < 4999.5 || sum > 5000.5) throw std::runtime_error("a wrong sum: " + std::to_string(sum));
}

} // namespace

int main() {
  try {
    run(RESPOOL_DEFAULT_MEMORY_LIMIT);
    run(0);
  } catch (const std::exception &e) {
    std::fprintf(stderr, "consumer: %s\n", e.what());
    return 1;
  }
  std::printf("respool %s: read in C++\n", respool_version());
  return 0;
}
