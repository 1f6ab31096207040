// The simulation drawn: a lane a job, then what pools and the warehouse's files had to bear.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "cli/simulation_report.h"
#include "cli/table.h"
#include "cli/units.h"

namespace afluente::cli {
namespace {

using orchestrator::SimulatedRun;
using orchestrator::Use;
using std::chrono::microseconds;

constexpr double kWidth = 1400;
constexpr double kLeft = 230;   // Names of lanes.
constexpr double kRight = 150;  // What is counted of them.
constexpr double kPlot = kWidth - kLeft - kRight;
constexpr double kLane = 26;
constexpr double kBar = 14;
constexpr double kArea = 54;  // Of a pool.
constexpr double kAreaGap = 22;
constexpr double kBarMin = 1.6;  // What is shorter would not be seen.

// Light, and dark where the reader's system wants it; the same text in both. Without variables,
// which only browsers know.
constexpr const char* kStyle = R"(
  text { font-family: system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif;
         font-size: 12px; fill: #1b2430; }
  .title { font-size: 18px; font-weight: 600; } .section { font-size: 13px; font-weight: 600; }
  .dim { fill: #667085; font-size: 11px; } .end { text-anchor: end; } .mid { text-anchor: middle; }
  .paper { fill: #ffffff; } .weekend { fill: #f4f6f9; } .line { stroke: #e6e9ef; }
  .day, .base { stroke: #b9c1ce; } .wait { fill: #f2b544; }
  .skip { fill: none; stroke: #d92d20; stroke-width: 1.5; } .over { fill: #d92d20; opacity: .75; }
  .use { fill: #9db7e8; } .edge { fill: none; stroke: #3b66b8; stroke-width: 1.2; }
  .limit { stroke: #d92d20; stroke-dasharray: 4 3; opacity: .7; }
  .c0 { fill: #2f6fde; } .c1 { fill: #12876f; } .c2 { fill: #8a4fd0; } .c3 { fill: #c2571a; }
  .c4 { fill: #56657a; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e7ebf2; } .dim { fill: #98a2b3; }
    .paper { fill: #12161d; } .weekend { fill: #181d26; } .line { stroke: #232a35; }
    .day, .base { stroke: #455064; } .wait { fill: #c9902c; }
    .skip, .limit { stroke: #f97066; } .over { fill: #f97066; }
    .use { fill: #2c4470; } .edge { stroke: #7ea2ea; }
    .c0 { fill: #6b9cf2; } .c1 { fill: #3bb598; } .c2 { fill: #b18aea; } .c3 { fill: #e58a52; }
    .c4 { fill: #97a4b8; } }
)";

std::string Escape(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        // Characters that XML forbids.
        escaped += static_cast<unsigned char>(c) < ' ' && c != '\n' && c != '\t' ? ' ' : c;
    }
  }
  return escaped;
}

struct Colour {
  const char* css;
  const char* meaning;
};
Colour ColourOf(const std::string& mode) {
  if (mode == "model") return {"c1", "model"};
  if (mode == "dag") return {"c2", "DAG"};
  if (mode == "event" || mode == "stream") return {"c3", "events"};
  return {"c0", "integration"};
}

class Drawing {
 public:
  explicit Drawing(const SimulationReport& report)
      : report_(report), from_(report.timeline.from), to_(report.timeline.to) {
    for (const SimulatedRun& run : report.timeline.runs) runs_[run.job].push_back(&run);
    for (const SimulatedJob& job : report.jobs) {
      if (runs_.contains(job.name)) lanes_.push_back(&job);
    }
  }

  std::string Draw() {
    y_ = 30;
    Text(24, y_, "title", report_.estate);
    y_ += 20;
    Text(24, y_, "dim",
         fmt::format("{} to {}, {} · {} runs of {} jobs", MomentText(report_.zone, from_),
                     MomentText(report_.zone, to_), report_.zone.name(),
                     FormatCount(report_.timeline.runs.size()), lanes_.size()));
    Legend();
    y_ += 42;
    const double top = y_;
    y_ += 8;
    for (const SimulatedJob* job : lanes_) Lane(*job);
    y_ += 14;
    Areas("Pools", report_.pools, "slots");
    Areas("Writers of a warehouse file", report_.files, "");
    Silent();
    const double bottom = plot_bottom_;
    const std::string drawn = std::move(body_);
    body_.clear();
    Grid(top, bottom);
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {:.0f} {:.0f}\" width=\"{:.0f}\" "
        "height=\"{:.0f}\" role=\"img\" aria-label=\"What runs when\">\n<style>{}</style>\n"
        "<rect class=\"paper\" width=\"100%\" height=\"100%\"/>\n{}{}</svg>\n",
        kWidth, y_ + 16, kWidth, y_ + 16, kStyle, body_, drawn);
  }

 private:
  double X(WallTime time) const {
    const double share = std::chrono::duration<double>(std::clamp(time, from_, to_) - from_) /
                         std::chrono::duration<double>(to_ - from_);
    return kLeft + share * kPlot;
  }

  template <class... Args>
  void Add(fmt::format_string<Args...> format, Args&&... args) {
    fmt::format_to(std::back_inserter(body_), format, std::forward<Args>(args)...);
  }

  void Text(double x, double y, const char* css, const std::string& text) {
    Add("<text class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\">{}</text>\n", css, x, y, Escape(text));
  }

  // Moments of full hours on the zone's clocks, `step` hours apart.
  std::vector<WallTime> Marks(int step) const {
    std::vector<WallTime> marks;
    const auto day = std::chrono::floor<std::chrono::days>(report_.zone.ToLocal(from_));
    for (schedule::LocalTime at = day; marks.empty() || marks.back() < to_;
         at += std::chrono::hours(step)) {
      const WallTime mark = report_.zone.FirstAt(at);
      if (mark >= to_) break;
      if (mark >= from_ && (marks.empty() || mark > marks.back())) marks.push_back(mark);
      if (at - day > std::chrono::hours(24 * 400)) break;
    }
    return marks;
  }

  void Grid(double top, double bottom) {
    const double days = std::chrono::duration<double, std::ratio<86400>>(to_ - from_).count();
    constexpr int kDay = 24;
    constexpr double kMark = 34;  // Between two labels of hours.
    int step = kDay;
    for (const int hours : {12, 6, 3, 2, 1}) {
      if (kPlot / (days * kDay / hours) >= kMark) step = hours;
    }
    // Labels of days that would touch are left out.
    const double day_width = kPlot / days;
    const int label_every =
        std::max(1, static_cast<int>(84 / std::max(day_width, 0.1)) + (day_width < 84 ? 1 : 0));
    int number = 0;
    for (const WallTime day : Marks(kDay)) {
      const auto local = std::chrono::floor<std::chrono::days>(report_.zone.ToLocal(day));
      const std::chrono::weekday weekday(std::chrono::sys_days(local.time_since_epoch()));
      const WallTime next = report_.zone.FirstAt(local + std::chrono::days(1));
      if (weekday == std::chrono::Saturday || weekday == std::chrono::Sunday) {
        Add("<rect class=\"weekend\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" "
            "height=\"{:.1f}\"/>\n",
            X(day), top, X(next) - X(day), bottom - top);
      }
    }
    if (step < kDay) {
      for (const WallTime mark : Marks(step)) {
        const schedule::LocalTime local = report_.zone.ToLocal(mark);
        const auto hour =
            (local - std::chrono::floor<std::chrono::days>(local)) / std::chrono::hours(1);
        Add("<line class=\"line\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>\n",
            X(mark), top, bottom);
        if (hour != 0 || days <= 2) {
          Add("<text class=\"dim mid\" x=\"{:.1f}\" y=\"{:.1f}\">{:02}</text>\n", X(mark), top - 4,
              hour);
        }
      }
    }
    for (const WallTime day : Marks(kDay)) {
      Add("<line class=\"day\" x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{2:.1f}\"/>\n",
          X(day), top - (step < kDay ? 28 : 16), bottom);
      const auto local = std::chrono::floor<std::chrono::days>(report_.zone.ToLocal(day));
      if (number++ % label_every == 0 && X(day) + 70 < kLeft + kPlot + kRight) {
        Text(X(day) + 4, top - (step < kDay ? 19 : 8), "dim", DayText(local));
      }
    }
    Add("<line class=\"base\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>\n",
        kLeft, kLeft + kPlot, top);
  }

  void Legend() {
    std::map<std::string, const char*> colours;
    for (const SimulatedJob* job : lanes_) {
      const Colour colour = ColourOf(job->mode);
      colours[colour.meaning] = colour.css;
    }
    std::vector<std::pair<std::string, std::string>> entries;  // Class and text.
    for (const auto& [meaning, css] : colours) entries.emplace_back(css, meaning);
    if (!report_.overlaps.empty()) entries.emplace_back("wait", "waits for the run before");
    double x = kWidth - 24;
    for (auto it = entries.rbegin(); it != entries.rend(); ++it) {
      x -= 6.4 * static_cast<double>(it->second.size());
      Text(x, y_, "dim", it->second);
      Add("<rect class=\"{}\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"10\" height=\"10\" rx=\"2\"/>\n",
          it->first, x - 14, y_ - 9);
      x -= 32;
    }
  }

  std::string Shortened(const std::string& text, std::size_t width) const {
    return text.size() <= width ? text : text.substr(0, width - 1) + "…";
  }

  void Bar(const char* css, WallTime began, WallTime ended, double y, const std::string& tip) {
    Add("<rect class=\"{}\" x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"{:.0f}\" "
        "rx=\"1.5\"><title>{}</title></rect>\n",
        css, X(began), y, std::max(kBarMin, X(ended) - X(began)), kBar, Escape(tip));
  }

  void Lane(const SimulatedJob& job) {
    const double middle = y_ + kLane / 2;
    constexpr std::size_t kNameMax = 30;
    Add("<text x=\"24\" y=\"{:.1f}\">{}<title>{}</title></text>\n", middle + 4,
        Escape(Shortened(job.name, kNameMax)), Escape(job.name + ": " + job.trigger));
    Add("<line class=\"line\" x1=\"24\" x2=\"{0:.1f}\" y1=\"{1:.1f}\" y2=\"{1:.1f}\"/>\n",
        kWidth - 24, y_ + kLane);
    microseconds total{0};
    const double y = middle - kBar / 2;
    for (const SimulatedRun* run : runs_.at(job.name)) {
      const std::string due = MomentText(report_.zone, run->due);
      if (run->state == orchestrator::RunState::kSkipped) {
        const double x = X(run->due);
        Add("<path class=\"skip\" d=\"M{0:.1f} {1:.1f}l6 6m0 -6l-6 6\"><title>{2} is skipped: "
            "{3}</title></path>\n",
            x - 3, middle - 3, due, Escape(run->why));
        continue;
      }
      const Span span = RunningOf(report_, *run);
      if (span.began > run->due) {
        Bar("wait", run->due, span.began, y,
            fmt::format("{} {} waits {}", job.name, due, FormatSpan(span.began - run->due)));
      }
      if (run->started == WallTime()) continue;
      total += span.ended - span.began;
      Bar(ColourOf(job.mode).css, span.began, span.ended, y,
          fmt::format("{} {} takes {}", job.name, MomentText(report_.zone, span.began),
                      FormatSpan(span.ended - span.began)));
    }
    Add("<text class=\"dim end\" x=\"{:.1f}\" y=\"{:.1f}\">{} × · {}</text>\n", kWidth - 24,
        middle + 4, FormatCount(runs_.at(job.name).size()), FormatSpan(total));
    y_ += kLane;
    plot_bottom_ = y_;
  }

  // What lies above the limit stands out.
  void Area(const Use& use, const std::string& unit) {
    const int top_value = std::max({use.slots, use.peak, 1});
    const double bottom = y_ + kArea;
    const auto height = [&](int used) { return kArea * used / top_value; };
    const std::string name = use.name.empty() ? "all tasks" : use.name;
    constexpr std::size_t kNameMax = 30;
    Add("<text x=\"24\" y=\"{:.1f}\">{}</text>\n", y_ + 16, Escape(Shortened(name, kNameMax)));
    const std::string of = unit.empty() ? "" : fmt::format(" of {} {}", use.slots, unit);
    Text(24, y_ + 33, "dim", fmt::format("peak {}{}", use.peak, of));
    if (use.waits > 0) {
      Text(24, y_ + 48, "dim",
           fmt::format("{} waits, up to {}", FormatCount(use.waits), FormatSpan(use.longest_wait)));
    }
    std::string path = fmt::format("M{:.2f} {:.2f}", kLeft, bottom);
    std::string over;
    int before = 0;
    for (std::size_t i = 0; i < use.steps.size(); ++i) {
      const Use::Step& step = use.steps[i];
      const double x = X(step.at);
      const double end = i + 1 < use.steps.size() ? X(use.steps[i + 1].at) : kLeft + kPlot;
      path += fmt::format("H{:.2f}V{:.2f}", x, bottom - height(step.used));
      if (step.used > use.slots) {
        over += fmt::format("M{:.2f} {:.2f}H{:.2f}V{:.2f}H{:.2f}Z", x, bottom - height(step.used),
                            std::max(end, x + kBarMin), bottom - height(use.slots), x);
      }
      before = step.used;
    }
    path += fmt::format("H{:.2f}", kLeft + kPlot);
    if (before != 0) path += fmt::format("V{:.2f}", bottom);
    Add("<path class=\"use\" d=\"{}Z\"/>\n<path class=\"edge\" d=\"{}\"/>\n", path, path);
    if (!over.empty()) Add("<path class=\"over\" d=\"{}\"/>\n", over);
    Add("<line class=\"limit\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>\n",
        kLeft, kLeft + kPlot, bottom - height(use.slots));
    Text(kLeft + kPlot + 8, bottom - height(use.slots) + 4, "dim", std::to_string(use.slots));
    Add("<line class=\"base\" x1=\"{0:.1f}\" x2=\"{1:.1f}\" y1=\"{2:.1f}\" y2=\"{2:.1f}\"/>\n",
        kLeft, kLeft + kPlot, bottom);
    plot_bottom_ = bottom;
    y_ = bottom + kAreaGap;
  }

  void Areas(const std::string& heading, const std::vector<Use>& uses, const std::string& unit) {
    if (uses.empty()) return;
    y_ += 10;
    Text(24, y_, "section", heading);
    y_ += 16;
    for (const Use& use : uses) Area(use, unit);
    y_ += 4;
  }

  void Silent() {
    bool has_any = false;
    for (const SimulatedJob& job : report_.jobs) {
      if (job.silent.empty()) continue;
      if (!has_any) {
        y_ += 10;
        Text(24, y_, "section", "Without a run");
      }
      has_any = true;
      y_ += 18;
      constexpr std::size_t kNameMax = 30;
      Text(24, y_, "", Shortened(job.name, kNameMax));
      Text(kLeft, y_, "dim", job.silent);
    }
  }

  const SimulationReport& report_;
  const WallTime from_;
  const WallTime to_;
  std::map<std::string, std::vector<const SimulatedRun*>> runs_;
  std::vector<const SimulatedJob*> lanes_;
  std::string body_;
  double y_ = 0;
  double plot_bottom_ = 0;
};

}  // namespace

std::string ToSvg(const SimulationReport& report) { return Drawing(report).Draw(); }

}  // namespace afluente::cli
