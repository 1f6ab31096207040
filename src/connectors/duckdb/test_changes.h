// Changes of a table of an id and texts, written down by a test.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/batch.h"
#include "pipeline/changes.h"

namespace afluente::duck {

using TestText = std::optional<std::string>;
inline const data::LogicalType kTestInt = {data::Kind::kInt64, 0, 0, nullptr};
inline const data::LogicalType kTestString = {data::Kind::kText, 0, 0, nullptr};
inline const data::LogicalType kTestTime = {data::Kind::kTimestampTz, 0, 0, nullptr};
inline const data::LogicalType kTestFlag = {data::Kind::kBool, 0, 0, nullptr};

/// A row of the test's table: an id, which is the key, and texts.
struct TestRow {
  std::int64_t id = 0;
  std::vector<TestText> texts;
  std::vector<bool> lacks = {};  // Of the texts; not empty: an incomplete row.
  std::int64_t origin = 0;
};

/// What a reader of changes yields, written down by a test.
class TestRowReader final : public data::BatchReader {
 public:
  TestRowReader(std::vector<TestRow> rows, bool fails) : rows_(std::move(rows)), fails_(fails) {}

  Result<std::size_t> Next(data::Batch& batch) override {
    if (fails_) return Error(ErrorKind::kConversion, "column \"name\" does not fit");
    std::size_t filled = 0;
    for (; filled < data::Batch::kRows && next_ < rows_.size(); ++filled, ++next_) {
      const TestRow& row = rows_[next_];
      auto& columns = batch.columns();
      columns[0].Set(filled, row.id);
      for (std::size_t i = 0; i < row.texts.size(); ++i) {
        if (row.texts[i]) {
          columns[1 + i].SetBytes(filled, row.texts[i]->data(), row.texts[i]->size());
        } else {
          columns[1 + i].SetNull(filled);
        }
      }
      if (row.lacks.empty()) continue;
      const std::size_t flags = 1 + row.texts.size();
      columns[flags].Set(filled, false);
      for (std::size_t i = 0; i < row.lacks.size(); ++i) {
        columns[flags + 1 + i].Set(filled, static_cast<bool>(row.lacks[i]));
      }
      columns[2 * flags].Set(filled, row.origin);
    }
    return filled;
  }

 private:
  const std::vector<TestRow> rows_;
  const bool fails_;
  std::size_t next_ = 0;
};

/// Keys, and when their rows were deleted.
class TestMarkReader final : public data::BatchReader {
 public:
  explicit TestMarkReader(std::vector<TestRow> rows) : rows_(std::move(rows)) {}

  Result<std::size_t> Next(data::Batch& batch) override {
    std::size_t filled = 0;
    for (; filled < data::Batch::kRows && next_ < rows_.size(); ++filled, ++next_) {
      batch.columns()[0].Set(filled, rows_[next_].id);
      batch.columns()[1].Set(filled, rows_[next_].origin);
    }
    return filled;
  }

 private:
  const std::vector<TestRow> rows_;
  std::size_t next_ = 0;
};

class FakeChanges final : public pipeline::TableChanges {
 public:
  FakeChanges(const estate::Integration& integration, const std::vector<std::string>& texts,
              std::uint64_t version)
      : integration_(integration), version_(version) {
    schema_.push_back({"id", kTestInt, false});
    for (const std::string& text : texts) schema_.push_back({text, kTestString, true});
    incomplete_schema_ = schema_;
    for (const data::Column& column : schema_) {
      incomplete_schema_.push_back({pipeline::kLacksPrefix + column.name, kTestFlag, false});
    }
    incomplete_schema_.push_back({std::string(pipeline::kOriginPrefix) + "id", kTestInt, false});
  }

  FakeChanges& Put(std::int64_t id, std::vector<TestText> texts) {
    deleted_.push_back({id, {}});
    rows_.push_back({id, std::move(texts)});
    return *this;
  }
  FakeChanges& Delete(std::int64_t id) {
    deleted_.push_back({id, {}});
    return *this;
  }
  FakeChanges& PutLacking(std::int64_t id, std::vector<TestText> texts, std::vector<bool> lacks,
                          std::int64_t origin) {
    deleted_.push_back({id, {}});
    incomplete_.push_back({id, std::move(texts), std::move(lacks), origin});
    return *this;
  }
  FakeChanges& Truncate(WallTime at = {}) {
    truncated_at_ = at;
    return *this;
  }
  /// The row stays and is marked as deleted.
  FakeChanges& Mark(std::int64_t id, WallTime at) {
    marked_.push_back({id, {}, {}, at.time_since_epoch().count()});
    return *this;
  }
  /// Of a table without a key: a row that stood there and went.
  FakeChanges& Gone(std::int64_t id, std::vector<TestText> texts) {
    gone_.push_back({id, std::move(texts)});
    return *this;
  }
  /// Of a table without a key: a row that came.
  FakeChanges& Come(std::int64_t id, std::vector<TestText> texts) {
    rows_.push_back({id, std::move(texts)});
    return *this;
  }
  /// Rows from before a column came hold `texts`, where they hold anything.
  FakeChanges& Default(std::vector<TestText> texts) {
    defaults_ = {0, std::move(texts)};
    return *this;
  }
  FakeChanges& Fail() {
    fails_ = true;
    return *this;
  }

  const estate::Integration& integration() const override { return integration_; }
  const data::Schema& schema() const override { return schema_; }
  std::uint64_t schema_version() const override { return version_; }
  const std::vector<std::string>& key() const override { return key_; }
  std::optional<WallTime> truncated_at() const override { return truncated_at_; }
  std::uint64_t changes() const override { return deleted_.size(); }
  std::size_t keys() const override { return deleted_.size(); }
  std::size_t marked_keys() const override { return marked_.size(); }
  std::size_t rows() const override { return rows_.size(); }
  std::size_t incomplete_rows() const override { return incomplete_.size(); }
  std::vector<std::string> columns_with_defaults() const override {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < defaults_.texts.size(); ++i) {
      if (defaults_.texts[i]) names.push_back(schema_[1 + i].name);
    }
    return names;
  }
  std::unique_ptr<data::BatchReader> ReadDefaults() override { return Read({defaults_}, false); }
  const data::Schema& key_schema() const override { return key_schema_; }
  std::unique_ptr<data::BatchReader> ReadKeys() override { return Read(deleted_, false); }
  const data::Schema& marked_schema() const override { return marked_schema_; }
  std::unique_ptr<data::BatchReader> ReadMarkedKeys() override {
    return std::make_unique<TestMarkReader>(marked_);
  }
  std::unique_ptr<data::BatchReader> ReadRows() override { return Read(rows_, fails_); }
  const data::Schema& incomplete_schema() const override { return incomplete_schema_; }
  std::unique_ptr<data::BatchReader> ReadIncompleteRows() override {
    return Read(incomplete_, false);
  }
  std::size_t gone_rows() const override { return gone_.size(); }
  std::unique_ptr<data::BatchReader> ReadGoneRows() override { return Read(gone_, false); }

  Status SetAside(Rows rows, const std::map<std::size_t, std::string>& reasons) override {
    std::vector<TestRow>& from = rows == Rows::kComplete     ? rows_
                                 : rows == Rows::kIncomplete ? incomplete_
                                                             : gone_;
    for (auto reason = reasons.rbegin(); reason != reasons.rend(); ++reason) {
      const auto at = from.begin() + static_cast<std::ptrdiff_t>(reason->first);
      const std::string key = "id=" + std::to_string(at->id);
      if (rows != Rows::kGone) letters_.push_back({key, reason->second, "{}", "0/10"});
      from.erase(at);
    }
    return Done{};
  }
  std::vector<data::DeadLetter> dead_letters() const override { return letters_; }
  std::string NameOf(Rows /*rows*/, std::size_t row) const override {
    return "id=" + std::to_string(rows_.at(row).id);
  }

 private:
  static std::unique_ptr<data::BatchReader> Read(const std::vector<TestRow>& rows, bool fails) {
    return std::make_unique<TestRowReader>(rows, fails);
  }

  const estate::Integration& integration_;
  const std::uint64_t version_;
  data::Schema schema_;
  data::Schema incomplete_schema_;
  const data::Schema key_schema_ = {{"id", kTestInt, false}};
  const std::vector<std::string> key_ = {"id"};
  const data::Schema marked_schema_ = {{"id", kTestInt, false}, {"_deleted_at", kTestTime, false}};
  std::vector<TestRow> deleted_;
  std::vector<TestRow> marked_;  // The time as `origin`.
  std::vector<TestRow> rows_;
  std::vector<TestRow> incomplete_;
  std::vector<TestRow> gone_;
  std::vector<data::DeadLetter> letters_;
  TestRow defaults_;
  std::optional<WallTime> truncated_at_;
  bool fails_ = false;
};

}  // namespace afluente::duck
