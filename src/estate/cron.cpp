#include "estate/cron.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <system_error>
#include <vector>

#include "base/names.h"
#include "estate/utf8.h"

namespace afluente::estate {
namespace {

struct Shorthand {
  std::string_view name;
  std::string_view cron;
};

constexpr std::array<Shorthand, 7> kShorthands = {{{"@yearly", "0 0 1 1 *"},
                                                   {"@annually", "0 0 1 1 *"},
                                                   {"@monthly", "0 0 1 * *"},
                                                   {"@weekly", "0 0 * * 0"},
                                                   {"@daily", "0 0 * * *"},
                                                   {"@midnight", "0 0 * * *"},
                                                   {"@hourly", "0 * * * *"}}};
constexpr std::array<std::string_view, 12> kMonths = {"jan", "feb", "mar", "apr", "may", "jun",
                                                      "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kDays = {"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
  std::string_view name;
  int low;
  int high;
  std::span<const std::string_view> names;  // The first one stands for `low`.
};

constexpr std::size_t kHour = 1;
constexpr std::size_t kDayOfMonth = 2;
constexpr std::size_t kDayOfWeek = 4;
constexpr std::array<Field, 5> kFields = {{{"minute", 0, 59, {}},
                                           {"hour", 0, 23, {}},
                                           {"day of month", 1, 31, {}},
                                           {"month", 1, 12, kMonths},
                                           {"day of week", 0, 7, kDays}}};

constexpr std::uint32_t Bit(int value) { return std::uint32_t{1} << static_cast<unsigned>(value); }

// What one field admits; `L` and `#` stand in the Cron itself.
struct Admitted {
  std::uint64_t values = 0;
  bool any = false;   // Contains "*" without a step.
  bool star = false;  // Contains "*", with a step or without.
};

// Sunday has two numbers.
int Weekday(int value) { return value % 7; }

std::vector<std::string_view> Split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(separator);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::vector<std::string_view> SplitAtBlanks(std::string_view text) {
  std::vector<std::string_view> parts;
  constexpr std::string_view kBlanks = " \t";
  while (true) {
    const std::size_t start = text.find_first_not_of(kBlanks);
    if (start == std::string_view::npos) return parts;
    text.remove_prefix(start);
    const std::size_t end = std::min(text.find_first_of(kBlanks), text.size());
    parts.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

std::optional<int> Number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || text.front() == '-') return {};
  return value;
}

std::string RangeOf(const Field& field) {
  std::string range = std::to_string(field.low) + "-" + std::to_string(field.high);
  if (!field.names.empty()) {
    range += " or " + std::string(field.names.front()) + "-" + std::string(field.names.back());
  }
  return range;
}

// Reads one value into `value`; returns what is wrong.
std::string ReadValue(const Field& field, std::string_view text, int& value) {
  if (text.empty()) return "a value is missing";
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto name = std::find(field.names.begin(), field.names.end(), lower);
  if (name != field.names.end()) {
    value = field.low + static_cast<int>(name - field.names.begin());
    return "";
  }
  const std::optional<int> number = Number(text);
  if (!number) {
    if (text == "?") return "\"?\" is not known here; write *";
    return Quoted(text) + " is not a value; write " + RangeOf(field);
  }
  if (*number < field.low || *number > field.high) {
    return std::to_string(*number) + " is outside " + RangeOf(field);
  }
  value = *number;
  return "";
}

std::string ReadStep(const Field& field, std::string_view text, int& step) {
  const std::optional<int> number = text.empty() ? std::nullopt : Number(text);
  if (!number || *number == 0) {
    return "the step after / must be a number from 1, not " + Quoted(text);
  }
  if (*number > field.high - field.low) {
    return "a step of " + std::to_string(*number) + " leaves " + RangeOf(field) + " at once";
  }
  step = *number;
  return "";
}

// One element of a field's list.
std::string ReadItem(std::size_t index, std::string_view item, Admitted& admitted, Cron& cron) {
  const Field& field = kFields[index];
  if (item.empty()) return "an element of the list is empty";
  if (index == kDayOfMonth && item == "L") {
    cron.last_day = true;
    return "";
  }
  int low = field.low;
  int high = field.high;
  int step = 1;
  if (index == kDayOfWeek) {
    const std::size_t nth = item.find('#');
    if (nth != std::string_view::npos) {
      const std::string_view count = item.substr(nth + 1);
      if (count.size() != 1 || count < "1" || count > "5") {
        return "after # stands which one of the month, 1-5, not " + Quoted(count);
      }
      std::string problem = ReadValue(field, item.substr(0, nth), low);
      if (problem.empty()) {
        cron.nth_weekdays.at(static_cast<std::size_t>(count[0] - '0')) |= Bit(Weekday(low));
      }
      return problem;
    }
    if (item.size() > 1 && item.ends_with('L')) {
      std::string problem = ReadValue(field, item.substr(0, item.size() - 1), low);
      if (problem.empty()) cron.last_weekdays |= Bit(Weekday(low));
      return problem;
    }
  }
  const std::size_t slash = item.find('/');
  const std::string_view range = item.substr(0, slash);
  const std::size_t dash = range.find('-', 1);
  if (range != "*") {
    if (std::string problem = ReadValue(field, range.substr(0, dash), low); !problem.empty()) {
      return problem;
    }
    high = low;
    if (dash != std::string_view::npos) {
      std::string problem = ReadValue(field, range.substr(dash + 1), high);
      if (!problem.empty()) return problem;
      if (high < low) {
        return "the range " + Quoted(range) + " runs backwards; write two ranges with a comma";
      }
    } else if (slash != std::string_view::npos) {
      return "a step needs a range: write " + std::to_string(low) + "-" +
             std::to_string(field.high) + std::string(item.substr(slash));
    }
  } else {
    admitted.star = true;
    admitted.any = admitted.any || slash == std::string_view::npos;
  }
  if (slash != std::string_view::npos) {
    std::string problem = ReadStep(field, item.substr(slash + 1), step);
    if (!problem.empty()) return problem;
  }
  for (int value = low; value <= high; value += step) {
    admitted.values |= std::uint64_t{1} << static_cast<unsigned>(value);
  }
  return "";
}

bool CanFire(const Cron& cron) {
  // A restricted day of week always comes; the longest Februaries have 29 days.
  if (!cron.any_weekday) return true;
  constexpr std::chrono::year kLeapYear{2000};
  for (unsigned month = 1; month <= 12; ++month) {
    const bool admitted = (cron.months & Bit(static_cast<int>(month))) != 0;
    if (admitted && cron.DaysOf(kLeapYear / std::chrono::month(month)) != 0) return true;
  }
  return false;
}

Error Wrong(std::string problem) { return {ErrorKind::kInvalidConfig, std::move(problem)}; }

const std::filesystem::path& ZoneFolder() {
  static const std::filesystem::path kFolder = "/usr/share/zoneinfo";
  return kFolder;
}

// All names of the machine's database, from its text form: "Z name ..." and "L target name".
const std::vector<std::string>& ZoneNames() {
  static const std::vector<std::string> kNames = [] {
    std::vector<std::string> names;
    std::ifstream file(ZoneFolder() / "tzdata.zi");
    for (std::string line; std::getline(file, line);) {
      const std::vector<std::string_view> words = SplitAtBlanks(line);
      if (words.size() >= 3 && words[0] == "Z") names.emplace_back(words[1]);
      if (words.size() == 3 && words[0] == "L") names.emplace_back(words[2]);
    }
    return names;
  }();
  return kNames;
}

bool IsZoneFile(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return false;
  std::ifstream file(path, std::ios::binary);
  std::array<char, 4> magic{};
  file.read(magic.data(), magic.size());
  return file && std::string_view(magic.data(), magic.size()) == "TZif";
}

}  // namespace

std::uint32_t Cron::DaysOf(std::chrono::year_month month) const {
  constexpr int kDaysInWeek = 7;
  const std::chrono::year_month_day_last end(month.year(),
                                             std::chrono::month_day_last(month.month()));
  const int last = static_cast<int>(static_cast<unsigned>(end.day()));
  const std::uint32_t all = (Bit(last) - 1 + Bit(last)) & ~Bit(0);
  const std::uint32_t by_day = any_day ? all : (days & all) | (last_day ? Bit(last) : 0);
  std::uint32_t by_weekday = any_weekday ? all : 0;
  const int first_weekday =
      static_cast<int>(std::chrono::weekday(std::chrono::local_days(month / 1)).c_encoding());
  for (int weekday = 0; weekday < kDaysInWeek && !any_weekday; ++weekday) {
    int nth = 1;
    int day = 1 + (weekday - first_weekday + kDaysInWeek) % kDaysInWeek;
    for (; day <= last; day += kDaysInWeek, ++nth) {
      const bool is_last = day + kDaysInWeek > last;
      const std::uint32_t admitted =
          weekdays | nth_weekdays.at(static_cast<std::size_t>(nth)) | (is_last ? last_weekdays : 0);
      if ((admitted & Bit(weekday)) != 0) by_weekday |= Bit(day);
    }
  }
  return any_day || any_weekday ? by_day & by_weekday : by_day | by_weekday;
}

Result<Cron> ParseCron(std::string_view text) {
  if (text.starts_with('@')) {
    std::vector<std::string> names;
    std::string known;
    for (const Shorthand& shorthand : kShorthands) {
      if (shorthand.name == text) return ParseCron(shorthand.cron);
      names.emplace_back(shorthand.name);
      known += (known.empty() ? "" : ", ") + names.back();
    }
    return Wrong("the shorthands are " + known + DidYouMean(text.substr(0, 20), names));
  }
  const std::vector<std::string_view> texts = SplitAtBlanks(text);
  if (texts.size() != kFields.size()) {
    return Wrong("it has " + std::to_string(texts.size()) +
                 (texts.size() == 1 ? " field" : " fields") +
                 " instead of 5 (minute hour day-of-month month day-of-week)");
  }
  Cron cron;
  std::array<Admitted, kFields.size()> fields;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (const std::string_view item : Split(texts[i], ',')) {
      const std::string problem = ReadItem(i, item, fields[i], cron);
      if (!problem.empty()) return Wrong(std::string(kFields[i].name) + ": " + problem);
    }
  }
  const auto set = [&](std::size_t field) {
    return static_cast<std::uint32_t>(fields[field].values);
  };
  constexpr std::uint32_t kSevenAsSunday = Bit(7);
  constexpr std::uint32_t kAllHours = Bit(24) - 1;
  cron.minutes = fields[0].values;
  cron.hours = set(kHour);
  cron.days = set(kDayOfMonth);
  cron.months = set(kDayOfMonth + 1);
  cron.weekdays = set(kDayOfWeek);
  if ((cron.weekdays & kSevenAsSunday) != 0) cron.weekdays = (cron.weekdays | 1U) & ~kSevenAsSunday;
  cron.any_day = fields[kDayOfMonth].any;
  cron.any_weekday = fields[kDayOfWeek].any;
  cron.every_hour = fields[kHour].star || cron.hours == kAllHours;
  if (!CanFire(cron)) return Wrong("no such day exists in any of its months, so it never fires");
  return cron;
}

std::string CronProblem(std::string_view cron) {
  const Result<Cron> parsed = ParseCron(cron);
  return parsed.ok() ? "" : parsed.error().message();
}

std::string ZoneProblem(const std::string& zone) {
  const bool well_formed =
      !zone.empty() && zone.size() <= 64 && std::isalpha(static_cast<unsigned char>(zone[0])) &&
      std::all_of(zone.begin(), zone.end(), [](unsigned char c) {
        return c < 0x80 && (std::isalnum(c) != 0 || c == '/' || c == '_' || c == '-' || c == '+');
      });
  std::error_code error;
  const bool database = std::filesystem::is_directory(ZoneFolder(), error);
  // These lie in the folder, but are not names that mean the same on every machine.
  const bool internal = zone.starts_with("posix") || zone.starts_with("right/") ||
                        zone == "localtime" || zone == "Factory";
  if (well_formed && !internal && (!database || IsZoneFile(ZoneFolder() / zone))) return "";
  return "no such zone in the time zone database" +
         (zone.size() <= 64 ? DidYouMean(zone, ZoneNames()) : std::string());
}

}  // namespace afluente::estate
