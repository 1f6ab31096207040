#include "estate/calendar.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cstdio>

#include "base/names.h"
#include "estate/utf8.h"

namespace afluente::estate {
namespace {

using std::chrono::days;
using std::chrono::local_days;

constexpr std::string_view kNational = "br-national";
constexpr std::string_view kBank = "br-bank";

struct FixedHoliday {
  unsigned month;
  unsigned day;
  int since;  // The first year of which we say so.
  std::string_view name;
};

constexpr std::array<FixedHoliday, 9> kFixed = {{{1, 1, 0, "Confraternização Universal"},
                                                 {4, 21, 0, "Tiradentes"},
                                                 {5, 1, 0, "Dia do Trabalho"},
                                                 {9, 7, 0, "Independência"},
                                                 {10, 12, 1980, "Nossa Senhora Aparecida"},
                                                 {11, 2, 0, "Finados"},
                                                 {11, 15, 0, "Proclamação da República"},
                                                 {11, 20, 2024, "Consciência Negra"},
                                                 {12, 25, 0, "Natal"}}};

struct MovingHoliday {
  int after_easter;  // Days.
  bool bank_only;
  std::string_view name;
};

constexpr std::array<MovingHoliday, 4> kMoving = {{{-48, true, "Carnaval"},
                                                   {-47, true, "Carnaval"},
                                                   {-2, false, "Sexta-feira Santa"},
                                                   {60, true, "Corpus Christi"}}};

std::optional<int> Digits(std::string_view text) {
  const bool digits = std::all_of(text.begin(), text.end(),
                                  [](unsigned char c) { return c < 0x80 && std::isdigit(c) != 0; });
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (!digits || error != std::errc{}) return std::nullopt;
  return value;
}

Error NoDay(std::string_view text) {
  return {ErrorKind::kInvalidConfig, Quoted(text) + " is no day; write YYYY-MM-DD"};
}

}  // namespace

std::optional<local_days> ParseDay(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const std::optional<int> year = Digits(text.substr(0, 4));
  const std::optional<int> month = Digits(text.substr(5, 2));
  const std::optional<int> day = Digits(text.substr(8, 2));
  if (!year || !month || !day || *year == 0) return std::nullopt;
  const std::chrono::year_month_day date(std::chrono::year(*year),
                                         std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day)));
  if (!date.ok()) return std::nullopt;
  return local_days(date);
}

std::string FormatDay(local_days day) {
  const std::chrono::year_month_day date(day);
  std::array<char, 32> text{};
  (void)std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return text.data();
}

Result<DayRange> ParseDayRange(std::string_view text) {
  const std::size_t dots = text.find("..");
  const std::string_view first_text = text.substr(0, dots);
  const std::optional<local_days> first = ParseDay(first_text);
  if (!first) return NoDay(first_text);
  if (dots == std::string_view::npos) return DayRange{*first, *first};
  const std::string_view last_text = text.substr(dots + 2);
  const std::optional<local_days> last = ParseDay(last_text);
  if (!last) return NoDay(last_text);
  if (*last < *first) {
    return Error(ErrorKind::kInvalidConfig,
                 "the range runs backwards; write " + FormatDay(*last) + ".." + FormatDay(*first));
  }
  return DayRange{*first, *last};
}

bool IsCalendarName(std::string_view text) {
  return !text.empty() && text.front() >= 'a' && text.front() <= 'z';
}

local_days EasterSunday(std::chrono::year year) {
  const int y = static_cast<int>(year);
  const int golden = y % 19;
  const int century = y / 100;
  const int in_century = y % 100;
  const int correction = (century - (century + 8) / 25 + 1) / 3;
  const int epact = (19 * golden + century - century / 4 - correction + 15) % 30;
  const int weekday = (32 + 2 * (century % 4) + 2 * (in_century / 4) - epact - in_century % 4) % 7;
  const int late = (golden + 11 * epact + 22 * weekday) / 451;
  const int count = epact + weekday - 7 * late + 114;
  return local_days(year / std::chrono::month(static_cast<unsigned>(count / 31)) /
                    std::chrono::day(static_cast<unsigned>(count % 31 + 1)));
}

const std::vector<std::string>& BuiltInCalendars() {
  static const std::vector<std::string> kNames = {std::string(kNational), std::string(kBank)};
  return kNames;
}

std::string_view HolidayOn(std::string_view calendar, local_days day) {
  if (calendar != kNational && calendar != kBank) return "";
  const std::chrono::year_month_day date(day);
  for (const FixedHoliday& holiday : kFixed) {
    if (static_cast<unsigned>(date.month()) == holiday.month &&
        static_cast<unsigned>(date.day()) == holiday.day &&
        static_cast<int>(date.year()) >= holiday.since) {
      return holiday.name;
    }
  }
  const days after_easter = day - EasterSunday(date.year());
  for (const MovingHoliday& holiday : kMoving) {
    if (holiday.bank_only && calendar != kBank) continue;
    if (after_easter == days(holiday.after_easter)) return holiday.name;
  }
  return "";
}

Result<ExceptedDays> ExceptedDays::Make(const std::vector<std::string>& except,
                                        const std::map<std::string, Calendar>& calendars) {
  ExceptedDays excepted;
  const std::vector<std::string>& built_in = BuiltInCalendars();
  for (const std::string& element : except) {
    if (!IsCalendarName(element)) {
      AFL_ASSIGN(const DayRange range, ParseDayRange(element));
      excepted.ranges_.push_back({range, "except"});
      continue;
    }
    if (std::find(built_in.begin(), built_in.end(), element) != built_in.end()) {
      excepted.built_in_.push_back(element);
      continue;
    }
    const auto found = calendars.find(element);
    if (found == calendars.end()) {
      std::vector<std::string> names = built_in;
      for (const auto& [name, calendar] : calendars) names.push_back(name);
      return Error(ErrorKind::kNotFound,
                   "no calendar \"" + element +
                       "\" is declared under calendars of estate.yaml or built in" +
                       DidYouMean(element, names));
    }
    for (const DayRange& range : found->second.days) excepted.ranges_.push_back({range, element});
  }
  std::vector<DayRange> sorted;
  for (const NamedRange& range : excepted.ranges_) sorted.push_back(range.days);
  std::sort(sorted.begin(), sorted.end(),
            [](const DayRange& a, const DayRange& b) { return a.first < b.first; });
  for (const DayRange& range : sorted) {
    if (excepted.merged_.empty() || range.first > excepted.merged_.back().last + days(1)) {
      excepted.merged_.push_back(range);
    } else {
      excepted.merged_.back().last = std::max(excepted.merged_.back().last, range.last);
    }
  }
  return excepted;
}

// The merged range that holds the day; nullptr: none.
const DayRange* ExceptedDays::RangeWith(local_days day) const {
  const auto after =
      std::upper_bound(merged_.begin(), merged_.end(), day,
                       [](local_days value, const DayRange& range) { return value < range.first; });
  if (after == merged_.begin()) return nullptr;
  const DayRange& range = *std::prev(after);
  return day <= range.last ? &range : nullptr;
}

bool ExceptedDays::Contains(local_days day) const {
  if (RangeWith(day) != nullptr) return true;
  return std::any_of(built_in_.begin(), built_in_.end(), [&](const std::string& calendar) {
    return !HolidayOn(calendar, day).empty();
  });
}

local_days ExceptedDays::EndOfRange(local_days day) const {
  const DayRange* range = RangeWith(day);
  return (range == nullptr ? day : range->last) + days(1);
}

std::string ExceptedDays::ReasonFor(local_days day) const {
  for (const std::string& calendar : built_in_) {
    const std::string_view holiday = HolidayOn(calendar, day);
    if (!holiday.empty()) return calendar + ": " + std::string(holiday);
  }
  for (const NamedRange& range : ranges_) {
    if (range.days.first <= day && day <= range.days.last) return range.name;
  }
  return "";
}

}  // namespace afluente::estate
