// A warehouse in a folder of its own, and a reader whose rows a test writes down.
#pragma once

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/test_folder.h"
#include "connectors/duckdb/warehouse.h"
#include "data/test_duckdb.h"

namespace afluente::duck {

/// Rows of an id and a text, as a lane yields them.
class TestReader final : public data::BatchReader {
 public:
  using Row = std::pair<std::int64_t, std::optional<std::string>>;

  explicit TestReader(std::vector<Row> rows, std::size_t batch_rows = data::Batch::kRows)
      : rows_(std::move(rows)), batch_rows_(batch_rows) {}

  static data::Schema Schema() {
    return {{"id", {data::Kind::kInt64, 0, 0, nullptr}, false},
            {"name", {data::Kind::kText, 0, 0, nullptr}, true}};
  }

  /// Fails instead of yielding the row at `at`.
  void FailAt(std::size_t at, Error error) {
    fail_at_ = at;
    error_ = std::move(error);
  }
  /// Throws, as only a bug does.
  void ThrowAt(std::size_t at) { throw_at_ = at; }

  Result<std::size_t> Next(data::Batch& batch) override {
    std::size_t filled = 0;
    for (; filled < batch_rows_ && next_ < rows_.size(); ++filled, ++next_) {
      if (next_ == fail_at_) return *error_;
      if (next_ == throw_at_) throw std::runtime_error("a bug in a test");
      const auto& [id, name] = rows_[next_];
      batch.columns()[0].Set(filled, id);
      if (name) {
        batch.columns()[1].SetBytes(filled, name->data(), name->size());
      } else {
        batch.columns()[1].SetNull(filled);
      }
    }
    return filled;
  }

 private:
  static constexpr std::size_t kNever = ~std::size_t{0};

  const std::vector<Row> rows_;
  const std::size_t batch_rows_;
  std::size_t next_ = 0;
  std::size_t fail_at_ = kNever;
  std::size_t throw_at_ = kNever;
  std::optional<Error> error_;
};

/// Opens and reopens the files of one folder.
class TestWarehouse {
 public:
  explicit TestWarehouse(std::vector<std::string> projects = {"analytics"}) {
    options_.folder = folder_.path() / "warehouse";
    options_.lake = folder_.path() / "lake";
    options_.create = std::move(projects);
    options_.mask_salt = "salt";
    Reopen();
  }

  void Reopen() {
    warehouse_.reset();
    auto opened = Warehouse::Open(options_);
    if (!opened.ok()) throw std::runtime_error(opened.error().message());
    warehouse_ = std::move(opened).value();
  }
  void Close() { warehouse_.reset(); }

  Warehouse& operator*() { return *warehouse_; }
  Warehouse* operator->() { return warehouse_.get(); }
  WarehouseOptions& options() { return options_; }
  const TestFolder& folder() const { return folder_; }

  /// Every row of `sql` as "a|b|NULL".
  std::vector<std::string> Rows(const std::string& sql) const {
    const auto connection = warehouse_->Connect();
    return data::TestDuckdb::RowsOf(connection.value().get(), sql);
  }
  Status Execute(const std::string& sql) const {
    AFL_ASSIGN(const data::DuckConnection connection, warehouse_->Connect());
    return data::Execute(connection.get(), sql);
  }

 private:
  TestFolder folder_;
  WarehouseOptions options_;
  std::unique_ptr<Warehouse> warehouse_;
};

}  // namespace afluente::duck
