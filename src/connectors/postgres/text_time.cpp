#include "connectors/postgres/text_time.h"

#include <array>
#include <limits>

namespace afluente::postgres {
namespace {

constexpr std::int64_t kSecond = 1'000'000;  // Microseconds.
constexpr std::int64_t kDay = 86'400 * kSecond;
constexpr std::int32_t kInt32Max = std::numeric_limits<std::int32_t>::max();
constexpr std::int32_t kInt32Min = std::numeric_limits<std::int32_t>::min();
constexpr std::int64_t kInt64Max = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kInt64Min = std::numeric_limits<std::int64_t>::min();

/// Takes a text apart from its beginning; a function that returns false may
/// have taken some of it.
class Reader {
 public:
  explicit Reader(std::string_view text) : next_(text.data()), end_(text.data() + text.size()) {}

  bool at_end() const { return next_ == end_; }

  bool Take(char wanted) {
    if (next_ == end_ || *next_ != wanted) return false;
    ++next_;
    return true;
  }

  bool Take(std::string_view wanted) {
    if (!std::string_view(next_, static_cast<std::size_t>(end_ - next_)).starts_with(wanted)) {
      return false;
    }
    next_ += wanted.size();
    return true;
  }

  bool TwoDigits(std::int64_t& value) {
    if (end_ - next_ < 2 || !IsDigit(next_[0]) || !IsDigit(next_[1])) return false;
    value = (next_[0] - '0') * 10 + (next_[1] - '0');
    next_ += 2;
    return true;
  }

  /// All digits that follow: between `fewest` and `most` (18 at the most).
  bool Digits(int fewest, int most, std::int64_t& value) {
    value = 0;
    int count = 0;
    for (; next_ != end_ && IsDigit(*next_); ++next_, ++count) {
      if (count == most) return false;
      value = value * 10 + (*next_ - '0');
    }
    return count >= fewest;
  }

  /// What may stand behind seconds: nothing, or a point and up to six digits.
  bool Fraction(std::int64_t& micros) {
    micros = 0;
    if (!Take('.')) return true;
    const char* const first = next_;
    if (!Digits(1, 6, micros)) return false;
    for (auto count = next_ - first; count < 6; ++count) micros *= 10;
    return true;
  }

 private:
  static bool IsDigit(char c) { return c >= '0' && c <= '9'; }

  const char* next_;
  const char* end_;
};

struct Day {
  std::int64_t year = 0;
  std::int64_t month = 0;
  std::int64_t day = 0;
};

// Years have four digits or as many as they need.
bool TakeDay(Reader& reader, Day& day) {
  return reader.Digits(4, 7, day.year) && reader.Take('-') && reader.TwoDigits(day.month) &&
         reader.Take('-') && reader.TwoDigits(day.day) && day.year > 0;
}

bool IsLeap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }

// 1 BC is the year 0 of the calculation, and a leap year.
bool CountDays(Day day, bool before_christ, std::int64_t& days) {
  constexpr std::array<int, 12> kLengths = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const std::int64_t year = before_christ ? 1 - day.year : day.year;
  if (day.month < 1 || day.month > 12 || day.day < 1) return false;
  if (day.day > kLengths[static_cast<std::size_t>(day.month - 1)] &&
      !(day.month == 2 && day.day == 29 && IsLeap(year))) {
    return false;
  }
  // Source: Howard Hinnant, chrono-compatible low-level date algorithms, days_from_civil: years
  // that begin on 1 March, here counted from one so early that no number below is negative.
  constexpr std::int64_t kYearsBefore = 10'000'000;  // A multiple of 400.
  constexpr std::int64_t kDaysBefore = kYearsBefore / 400 * 146'097 + 719'468;
  const bool is_early = day.month <= 2;
  const auto from_march = static_cast<std::uint32_t>(is_early ? day.month + 9 : day.month - 3);
  const auto years = static_cast<std::uint32_t>(year + kYearsBefore - (is_early ? 1 : 0));
  const std::uint32_t centuries = years / 100;
  const std::uint32_t day_of_year =
      (153 * from_march + 2) / 5 + static_cast<std::uint32_t>(day.day) - 1;
  days =
      std::int64_t{years} * 365 + years / 4 - centuries + centuries / 4 + day_of_year - kDaysBefore;
  return true;
}

// "10:00:00.5"; 24 only as the end of the day.
bool TakeClock(Reader& reader, std::int64_t& micros) {
  std::int64_t hours = 0;
  std::int64_t minutes = 0;
  std::int64_t seconds = 0;
  std::int64_t fraction = 0;
  if (!reader.TwoDigits(hours) || !reader.Take(':') || !reader.TwoDigits(minutes) ||
      !reader.Take(':') || !reader.TwoDigits(seconds) || !reader.Fraction(fraction)) {
    return false;
  }
  if (minutes > 59 || seconds > 59) return false;
  micros = ((hours * 60 + minutes) * 60 + seconds) * kSecond + fraction;
  return micros <= kDay;
}

// "-03", "+05:30", "+01:02:03": seconds east of UTC, within 16 hours.
bool TakeOffset(Reader& reader, std::int32_t& east) {
  const bool west = reader.Take('-');
  if (!west && !reader.Take('+')) return false;
  std::int64_t hours = 0;
  std::int64_t minutes = 0;
  std::int64_t seconds = 0;
  if (!reader.TwoDigits(hours)) return false;
  if (reader.Take(':')) {
    if (!reader.TwoDigits(minutes)) return false;
    if (reader.Take(':') && !reader.TwoDigits(seconds)) return false;
  }
  if (hours > 15 || minutes > 59 || seconds > 59) return false;
  const auto offset = static_cast<std::int32_t>((hours * 60 + minutes) * 60 + seconds);
  east = west ? -offset : offset;
  return true;
}

Fault ParseMoment(std::string_view text, bool has_offset, std::int64_t& micros) {
  Reader reader(text);
  Day day;
  std::int64_t time = 0;
  std::int32_t east = 0;
  if (!TakeDay(reader, day)) {
    if (text != "infinity" && text != "-infinity") return Fault::kMalformed;
    micros = text.front() == '-' ? -kInt64Max : kInt64Max;
    return Fault::kNone;
  }
  if (!reader.Take(' ') || !TakeClock(reader, time)) return Fault::kMalformed;
  if (has_offset && !TakeOffset(reader, east)) return Fault::kMalformed;
  const bool before_christ = reader.Take(" BC");
  std::int64_t days = 0;
  if (!reader.at_end() || !CountDays(day, before_christ, days)) return Fault::kMalformed;
  std::int64_t moment = 0;
  if (__builtin_mul_overflow(days, kDay, &moment) ||
      __builtin_add_overflow(moment, time - east * kSecond, &moment) || moment == kInt64Max ||
      moment <= -kInt64Max) {
    return Fault::kTimeOutOfRange;
  }
  micros = moment;
  return Fault::kNone;
}

// The time of day of an interval, behind its sign and hours.
bool TakeIntervalClock(Reader& reader, bool negative, std::int64_t hours, std::int64_t& micros) {
  std::int64_t minutes = 0;
  std::int64_t seconds = 0;
  std::int64_t fraction = 0;
  if (!reader.TwoDigits(minutes) || !reader.Take(':') || !reader.TwoDigits(seconds) ||
      !reader.Fraction(fraction) || minutes > 59 || seconds > 59) {
    return false;
  }
  __int128 value = hours;
  value = ((value * 60 + minutes) * 60 + seconds) * kSecond + fraction;
  if (negative) value = -value;
  if (value > kInt64Max || value < kInt64Min) return false;
  micros = static_cast<std::int64_t>(value);
  return true;
}

}  // namespace

Fault ParseDateText(std::string_view text, std::int32_t& days) {
  Reader reader(text);
  Day day;
  if (!TakeDay(reader, day)) {
    if (text != "infinity" && text != "-infinity") return Fault::kMalformed;
    days = text.front() == '-' ? -kInt32Max : kInt32Max;
    return Fault::kNone;
  }
  const bool before_christ = reader.Take(" BC");
  std::int64_t count = 0;
  if (!reader.at_end() || !CountDays(day, before_christ, count)) return Fault::kMalformed;
  if (count >= kInt32Max || count <= -kInt32Max) return Fault::kTimeOutOfRange;
  days = static_cast<std::int32_t>(count);
  return Fault::kNone;
}

Fault ParseTimeText(std::string_view text, std::int64_t& micros) {
  Reader reader(text);
  return TakeClock(reader, micros) && reader.at_end() ? Fault::kNone : Fault::kMalformed;
}

Fault ParseTimeTzText(std::string_view text, std::int64_t& micros, std::int32_t& east) {
  Reader reader(text);
  return TakeClock(reader, micros) && TakeOffset(reader, east) && reader.at_end()
             ? Fault::kNone
             : Fault::kMalformed;
}

Fault ParseTimestampText(std::string_view text, std::int64_t& micros) {
  return ParseMoment(text, false, micros);
}

Fault ParseTimestampTzText(std::string_view text, std::int64_t& micros) {
  return ParseMoment(text, true, micros);
}

Fault ParseIntervalText(std::string_view text, IntervalParts& parts) {
  // PostgreSQL 17 has infinite intervals; their binary form is the extreme value of every part.
  if (text == "infinity" || text == "-infinity") {
    parts = text.front() == '-' ? IntervalParts{kInt32Min, kInt32Min, kInt64Min}
                                : IntervalParts{kInt32Max, kInt32Max, kInt64Max};
    return Fault::kNone;
  }
  constexpr std::array<std::string_view, 3> kUnits = {" year", " mon", " day"};
  std::array<std::int64_t, 3> values = {};
  Reader reader(text);
  std::int64_t micros = 0;
  // Units come in falling order, each at most once; the time of day comes last.
  for (std::size_t unit = 0;;) {
    const bool negative = reader.Take('-');
    if (!negative) reader.Take('+');
    std::int64_t value = 0;
    if (!reader.Digits(1, 10, value)) return Fault::kMalformed;
    if (reader.Take(':')) {
      if (!TakeIntervalClock(reader, negative, value, micros)) return Fault::kMalformed;
      if (!reader.at_end()) return Fault::kMalformed;
      break;
    }
    while (unit < kUnits.size() && !reader.Take(kUnits[unit])) ++unit;
    if (unit == kUnits.size()) return Fault::kMalformed;
    reader.Take('s');
    values[unit++] = negative ? -value : value;
    if (reader.at_end()) break;
    if (!reader.Take(' ')) return Fault::kMalformed;
  }
  const std::int64_t months = values[0] * 12 + values[1];
  if (months > kInt32Max || months < kInt32Min || values[2] > kInt32Max || values[2] < kInt32Min) {
    return Fault::kMalformed;
  }
  parts = {static_cast<std::int32_t>(months), static_cast<std::int32_t>(values[2]), micros};
  return Fault::kNone;
}

}  // namespace afluente::postgres
