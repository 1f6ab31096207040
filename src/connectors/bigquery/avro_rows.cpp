#include "connectors/bigquery/avro_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/utf8.h"
#include "connectors/postgres/text_time.h"

namespace afluente::bigquery {
namespace {

using data::Kind;
using data::LogicalType;
using nlohmann::json;

Error Broken() { return {ErrorKind::kInternal, "BigQuery's rows end in the middle of a value"}; }

__int128 PowerOfTen(int exponent) {
  __int128 power = 1;
  for (int i = 0; i < exponent; ++i) power *= 10;
  return power;
}

// A decimal's cell has 16, 32, 64 or 128 bits by its precision (duckdb.h,
// duckdb_decimal_internal_type).
void SetDecimal(const LogicalType& type, __int128 value, std::size_t row, data::VectorWriter& out) {
  if (type.precision <= 4) return out.Set(row, static_cast<std::int16_t>(value));
  if (type.precision <= 9) return out.Set(row, static_cast<std::int32_t>(value));
  if (type.precision <= 18) return out.Set(row, static_cast<std::int64_t>(value));
  out.Set(row, duckdb_hugeint{static_cast<std::uint64_t>(value),
                              static_cast<std::int64_t>(value >> 64)});
}

// A number of `scale` decimals in big-endian two's complement, in units of the type's own scale;
// nullopt when the type does not hold it exactly. BIGNUMERIC has up to 255 bits.
std::optional<__int128> ReadDecimal(std::string_view bytes, int scale, const LogicalType& type) {
  constexpr std::size_t kBytesMax = 32;
  if (bytes.empty() || bytes.size() > kBytesMax) return std::nullopt;
  const bool is_negative = (static_cast<unsigned char>(bytes.front()) & 0x80U) != 0;
  // The magnitude, in limbs of 32 bits, the lowest first.
  std::vector<std::uint32_t> limbs((bytes.size() + 3) / 4, is_negative ? ~0U : 0U);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[bytes.size() - 1 - i]);
    const unsigned shift = 8U * (i % 4);
    limbs[i / 4] = (limbs[i / 4] & ~(0xffU << shift)) | (std::uint32_t{byte} << shift);
  }
  if (is_negative) {
    std::uint64_t carry = 1;
    for (std::uint32_t& limb : limbs) {
      carry += static_cast<std::uint32_t>(~limb);
      limb = static_cast<std::uint32_t>(carry);
      carry >>= 32U;
    }
  }
  for (int drop = scale - type.scale; drop > 0; --drop) {
    std::uint64_t rest = 0;
    for (std::size_t i = limbs.size(); i-- > 0;) {
      const std::uint64_t part = (rest << 32U) | limbs[i];
      limbs[i] = static_cast<std::uint32_t>(part / 10);
      rest = part % 10;
    }
    if (rest != 0) return std::nullopt;
  }
  unsigned __int128 magnitude = 0;
  for (std::size_t i = limbs.size(); i-- > 0;) {
    if (i >= 4 && limbs[i] != 0) return std::nullopt;
    if (i < 4) magnitude = (magnitude << 32U) | limbs[i];
  }
  const auto limit = static_cast<unsigned __int128>(PowerOfTen(type.precision));
  for (int add = type.scale - scale; add > 0; --add) {
    if (magnitude >= limit) return std::nullopt;
    magnitude *= 10;
  }
  if (magnitude >= limit) return std::nullopt;
  const auto value = static_cast<__int128>(magnitude);
  return is_negative ? -value : value;
}

// "2026-11-26T10:00:00.5".
std::optional<std::int64_t> ReadDatetime(std::string_view text) {
  std::string spaced(text);
  if (const std::size_t t = spaced.find('T'); t != std::string::npos) spaced[t] = ' ';
  std::int64_t micros = 0;
  if (postgres::ParseTimestampText(spaced, micros) != postgres::Fault::kNone) return std::nullopt;
  return micros;
}

// The fraction of a second behind ".", up to microseconds; nullopt for more or for something else.
std::optional<std::int64_t> ReadFraction(std::string_view digits) {
  std::int64_t micros = 0;
  std::int64_t unit = 100'000;
  for (const char digit : digits) {
    if (digit < '0' || digit > '9' || unit == 0) return std::nullopt;
    micros += (digit - '0') * unit;
    unit /= 10;
  }
  return micros;
}

// "1-2 3 4:5:6.7": years-months, days, hours:minutes:seconds, each part with its sign.
// Source: GoogleSQL, "Interval type", canonical format and ranges. The widths keep every number
// far from its type's end, whatever the text is.
std::optional<duckdb_interval> ReadInterval(std::string_view text) {
  const std::string whole(text);
  const bool is_negative = whole.starts_with('-');
  int years = 0;
  int months = 0;
  int days = 0;
  std::array<char, 32> time{};
  if (std::sscanf(whole.c_str() + (is_negative ? 1 : 0), "%5d-%2d %8d %31s", &years, &months, &days,
                  time.data()) != 4) {
    return std::nullopt;
  }
  const bool is_back = time.front() == '-';
  const char* clock = time.data() + (is_back ? 1 : 0);
  std::int64_t hours = 0;
  int minutes = 0;
  int seconds = 0;
  int read = 0;
  if (std::sscanf(clock, "%9" SCNd64 ":%2d:%2d%n", &hours, &minutes, &seconds, &read) != 3) {
    return std::nullopt;
  }
  std::string_view rest = clock + read;
  if (!rest.empty() && rest.front() != '.') return std::nullopt;
  const auto fraction = ReadFraction(rest.substr(rest.empty() ? 0 : 1));
  if (!fraction) return std::nullopt;
  const std::int64_t micros =
      ((hours * 60 + minutes) * 60 + seconds) * std::int64_t{1'000'000} + *fraction;
  duckdb_interval interval{};
  interval.months = (years * 12 + months) * (is_negative ? -1 : 1);
  interval.days = days;
  interval.micros = is_back ? -micros : micros;
  return interval;
}

}  // namespace

// Reads forward; `failed` says that a value does not fit, a false return that bytes are missing.
class AvroRows::Decoder {
 public:
  Decoder(const std::string& block, std::size_t next)
      : begin_(block.data()), next_(begin_ + next), end_(begin_ + block.size()) {}

  std::size_t at() const { return static_cast<std::size_t>(next_ - begin_); }
  bool is_done() const { return next_ == end_; }
  const Field* failed() const { return failed_; }

  bool Cell(const Field& field, std::size_t row, data::VectorWriter& out) {
    if (field.null_branch >= 0) {
      std::int64_t branch = 0;
      if (!Long(branch)) return false;
      if (branch == field.null_branch) {
        out.SetNull(row);
        return true;
      }
    }
    switch (field.form) {
      case Form::kBoolean:
        if (next_ == end_) return false;
        out.Set(row, *next_++ != 0);
        return true;
      case Form::kInt: {
        std::int64_t value = 0;
        if (!Long(value)) return false;
        out.Set(row, static_cast<std::int32_t>(value));
        return true;
      }
      case Form::kLong: {
        std::int64_t value = 0;
        if (!Long(value)) return false;
        out.Set(row, value);
        return true;
      }
      case Form::kDouble: {
        std::uint64_t bits = 0;
        if (end_ - next_ < static_cast<std::ptrdiff_t>(sizeof(bits))) return false;
        std::memcpy(&bits, next_, sizeof(bits));  // Avro's and this machine's are little-endian.
        next_ += sizeof(bits);
        out.Set(row, std::bit_cast<double>(bits));
        return true;
      }
      case Form::kString:
      case Form::kBytes: {
        std::string_view bytes;
        if (!Bytes(bytes)) return false;
        SetBytes(field, bytes, row, out);
        return true;
      }
      case Form::kArray:
        return List(field, row, out);
    }
    return false;
  }

 private:
  // Zigzag, seven bits a byte, the lowest first.
  bool Long(std::int64_t& value) {
    std::uint64_t bits = 0;
    for (unsigned shift = 0; shift < 64 && next_ != end_; shift += 7) {
      const auto byte = static_cast<unsigned char>(*next_++);
      bits |= static_cast<std::uint64_t>(byte & 0x7fU) << shift;
      if ((byte & 0x80U) == 0) {
        value = static_cast<std::int64_t>((bits >> 1U) ^ (~(bits & 1U) + 1U));
        return true;
      }
    }
    return false;
  }

  bool Bytes(std::string_view& bytes) {
    std::int64_t size = 0;
    if (!Long(size) || size < 0 || size > end_ - next_) return false;
    bytes = {next_, static_cast<std::size_t>(size)};
    next_ += size;
    return true;
  }

  void SetBytes(const Field& field, std::string_view bytes, std::size_t row,
                data::VectorWriter& out) {
    const auto fail = [&] {
      failed_ = &field;
      out.SetNull(row);
    };
    if (field.type.kind == Kind::kDecimal) {
      const auto value = ReadDecimal(bytes, field.scale, field.type);
      return value ? SetDecimal(field.type, *value, row, out) : fail();
    }
    if (field.type.kind == Kind::kTimestamp) {
      const auto micros = ReadDatetime(bytes);
      return micros ? out.Set(row, *micros) : fail();
    }
    if (field.type.kind == Kind::kInterval) {
      const auto interval = ReadInterval(bytes);
      return interval ? out.Set(row, *interval) : fail();
    }
    if (field.form == Form::kString && !IsUtf8(bytes.data(), bytes.size())) return fail();
    out.SetBytes(row, bytes.data(), bytes.size());
  }

  // Blocks of elements; a negative count has the block's size behind it; a count of 0 ends them.
  bool List(const Field& field, std::size_t row, data::VectorWriter& out) {
    const char* const first = next_;
    std::size_t length = 0;
    // Twice over: a list's elements stand together, and its length comes first.
    if (!Blocks([&](std::int64_t count) { return Skip(*field.element, count, length); })) {
      return false;
    }
    const char* const last = next_;
    next_ = first;
    std::size_t element = out.OpenList(row, length);
    const bool is_read = Blocks([&](std::int64_t count) {
      for (; count > 0; --count) {
        if (!Cell(*field.element, element++, out.child())) return false;
      }
      return true;
    });
    return is_read && next_ == last;
  }

  template <class Each>
  bool Blocks(const Each& each) {
    for (;;) {
      std::int64_t count = 0;
      if (!Long(count)) return false;
      if (count == 0) return true;
      if (count < 0) {
        std::int64_t size = 0;
        if (!Long(size) || count == std::numeric_limits<std::int64_t>::min()) return false;
        count = -count;
      }
      // An element has a byte at least.
      if (count > end_ - next_ || !each(count)) return false;
    }
  }

  bool Skip(const Field& field, std::int64_t count, std::size_t& length) {
    length += static_cast<std::size_t>(count);
    for (; count > 0; --count) {
      std::int64_t number = 0;
      std::string_view bytes;
      if (field.null_branch >= 0) {
        if (!Long(number)) return false;
        if (number == field.null_branch) continue;
      }
      switch (field.form) {
        case Form::kBoolean:
          if (next_++ == end_) return false;
          break;
        case Form::kInt:
        case Form::kLong:
          if (!Long(number)) return false;
          break;
        case Form::kDouble:
          if (end_ - next_ < static_cast<std::ptrdiff_t>(sizeof(double))) return false;
          next_ += sizeof(double);
          break;
        case Form::kString:
        case Form::kBytes:
          if (!Bytes(bytes)) return false;
          break;
        case Form::kArray:
          return false;  // BigQuery has no lists of lists.
      }
    }
    return true;
  }

  const char* const begin_;
  const char* next_;
  const char* const end_;
  const Field* failed_ = nullptr;
};

Result<AvroRows::Field> AvroRows::FieldOf(const std::string& name, const void* avro,
                                          const LogicalType& type) {
  const json* schema = static_cast<const json*>(avro);
  Field field;
  field.name = name;
  field.type = type;
  if (schema->is_array()) {
    const json* value = nullptr;
    for (std::size_t i = 0; i < schema->size(); ++i) {
      if (schema->at(i) == "null") {
        field.null_branch = static_cast<std::int64_t>(i);
      } else if (value == nullptr) {
        value = &schema->at(i);
      }
    }
    if (value == nullptr || schema->size() != 2) schema = nullptr;
    if (schema != nullptr) schema = value;
  }
  const auto refuse = [&] {
    return Error(ErrorKind::kSchemaMismatch,
                 fmt::format("column {}: BigQuery sends it in a form that is not known", name));
  };
  if (schema == nullptr) return refuse();
  const json* form = schema->is_object() ? &schema->at("type") : schema;
  if (form->is_object()) {  // {"type": {"type": "array", ...}}
    schema = form;
    form = &schema->at("type");
  }
  if (!form->is_string()) return refuse();
  const auto is = [&](const char* wanted, std::initializer_list<Kind> kinds) {
    return *form == wanted && std::find(kinds.begin(), kinds.end(), type.kind) != kinds.end();
  };
  if (is("array", {Kind::kList})) {
    AFL_ASSIGN(Field element, FieldOf(name, &schema->at("items"), *type.element));
    field.form = Form::kArray;
    field.element = std::make_shared<const Field>(std::move(element));
  } else if (is("boolean", {Kind::kBool})) {
    field.form = Form::kBoolean;
  } else if (is("int", {Kind::kDate})) {
    field.form = Form::kInt;
  } else if (is("long", {Kind::kInt64, Kind::kTime, Kind::kTimestamp, Kind::kTimestampTz})) {
    field.form = Form::kLong;
  } else if (is("double", {Kind::kFloat64})) {
    field.form = Form::kDouble;
  } else if (is("string", {Kind::kText, Kind::kJson, Kind::kTimestamp, Kind::kInterval})) {
    field.form = Form::kString;
  } else if (is("bytes", {Kind::kBytes, Kind::kDecimal})) {
    field.form = Form::kBytes;
    if (type.kind == Kind::kDecimal) field.scale = schema->value("scale", 0);
  } else {
    return refuse();
  }
  return field;
}

Result<AvroRows> AvroRows::Open(const std::string& schema, const data::Schema& columns) {
  AvroRows rows;
  const json document = json::parse(schema, nullptr, false);
  if (!document.is_object() || !document.contains("fields")) {
    return Error(ErrorKind::kInternal, "BigQuery's Avro schema is not one of a record");
  }
  for (const json& described : document["fields"]) {
    const std::string name = described.value("name", "");
    const auto column = std::find_if(columns.begin(), columns.end(),
                                     [&](const data::Column& one) { return one.name == name; });
    if (column == columns.end()) {
      return Error(ErrorKind::kSchemaMismatch,
                   fmt::format("column {} was not asked for; the table has changed", name));
    }
    AFL_ASSIGN(Field field, FieldOf(name, &described.at("type"), column->type));
    field.column = static_cast<std::size_t>(column - columns.begin());
    rows.fields_.push_back(std::move(field));
  }
  if (rows.fields_.size() != columns.size()) {
    return Error(ErrorKind::kSchemaMismatch, "a column is missing; the table has changed");
  }
  return rows;
}

void AvroRows::Begin(std::string block) {
  block_ = std::move(block);
  next_ = 0;
}

Result<std::size_t> AvroRows::Fill(data::Batch& batch) {
  Decoder decoder(block_, next_);
  std::size_t row = 0;
  for (; row < data::Batch::kRows && !decoder.is_done(); ++row) {
    for (const Field& field : fields_) {
      if (!decoder.Cell(field, row, batch.columns()[field.column])) return Broken();
    }
    if (decoder.failed() == nullptr) continue;
    return Error(ErrorKind::kConversion,
                 fmt::format("column {}: a value does not fit {}", decoder.failed()->name,
                             decoder.failed()->type.DuckdbName()));
  }
  next_ = decoder.at();
  return row;
}

}  // namespace afluente::bigquery
