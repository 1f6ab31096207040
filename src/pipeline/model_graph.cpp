#include "pipeline/model_graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "base/names.h"
#include "estate/sql_pieces.h"
#include "estate/utf8.h"
#include "pipeline/model_reads.h"

namespace afluente::pipeline {
namespace {

using estate::Mark;
using estate::Model;

// What runs, and what has to run before it.
struct Job {
  std::string name;
  bool is_model = false;
  Mark mark;
  struct Need {
    std::string job;
    Mark mark;  // Where it says so.
  };
  std::vector<Need> needs;
};

class GraphReader {
 public:
  GraphReader(const estate::Estate& estate, const SqlParser& parser)
      : estate_(estate), parser_(parser), values_(estate::ModelValues(estate, {})) {
    for (const auto& [name, integration] : estate.integrations) {
      if (integration.destination.table) {
        makers_.emplace(integration.destination.table->ToString(), name);
      }
    }
    for (const auto& [address, model] : estate.models) makers_.emplace(address, model.name);
    for (const auto& [name, dag] : estate.dags) {
      for (const estate::Task& task : dag.tasks) {
        const auto* predict = std::get_if<estate::PredictTask>(&task.action);
        if (predict != nullptr) makers_.emplace(predict->into.ToString(), name);
        const auto* sql = std::get_if<estate::SqlTask>(&task.action);
        if (sql == nullptr) continue;
        for (const auto& table : sql->writes) makers_.emplace(table.ToString(), name);
      }
    }
    for (const auto& [address, maker] : makers_) tables_.push_back(address);
  }

  Status Read() {
    for (const auto& [address, model] : estate_.models) {
      AFL_TRY(ReadModel(model));
    }
    for (const auto& [name, integration] : estate_.integrations) ReadIntegration(integration);
    FindCircles();
    return Done{};
  }

  ModelGraph Take() { return std::move(graph_); }

 private:
  void Report(const Mark& mark, std::string message) {
    graph_.findings.push_back({mark, std::move(message)});
  }

  // `mark_at` places what stands in `text`; `own` says what the model's own table is there.
  Status ReadSql(const Model& model, const std::string& text, const std::string& what,
                 const std::function<Mark(std::size_t)>& mark_at, bool may_read_itself) {
    auto reads = ReadsOf(parser_.connection(), text, values_);
    // A template that does not resolve is a finding of the estate already.
    if (!reads.ok() && reads.error().kind() == ErrorKind::kInvalidConfig) return Done{};
    if (!reads.ok()) return reads.error();
    for (const SqlProblem& problem : reads.value().problems) {
      Report(mark_at(problem.offset), what + problem.message);
    }
    for (const TableRead& read : reads.value().tables) {
      const Mark mark = mark_at(read.offset);
      if (read.table == model.table) {
        if (may_read_itself) continue;
        Report(mark, what + "the model reads the table that it makes: read what it is made of");
        continue;
      }
      Need(model, read.table, mark, what);
    }
    return Done{};
  }

  void Need(const Model& model, const estate::TableAddress& table, const Mark& mark,
            const std::string& what) {
    const std::string address = table.ToString();
    const auto maker = makers_.find(address);
    if (maker == makers_.end()) {
      Report(mark, fmt::format("{}no integration, model or task of a DAG makes {}{}", what, address,
                               DidYouMean(address, tables_)));
      return;
    }
    graph_.reads[model.table.ToString()].insert(table);
    jobs_[model.name].needs.push_back({maker->second, mark});
  }

  Status ReadModel(const Model& model) {
    Job& job = jobs_[model.name];
    job.name = model.name;
    job.is_model = true;
    job.mark = model.sql_mark;
    estate::TextPlaces places(model.sql);
    AFL_TRY(ReadSql(
        model, model.sql, "",
        [&](std::size_t offset) { return places.MarkAtOffset(model.sql_mark.file, offset); },
        false));
    AFL_TRY(ReadCondition(model, model.where_new, "where_new: ", model.where_new_mark));
    for (const std::string& name : model.after) job.needs.push_back({name, model.after_mark});
    for (const estate::DataTest& test : model.tests) {
      const auto here = [&](std::size_t) { return test.mark; };
      if (!test.sql.empty()) AFL_TRY(ReadSql(model, test.sql, "test: ", here, true));
      AFL_TRY(ReadCondition(model, test.where, "test: where: ", test.mark));
      if (test.to && *test.to != model.table) Need(model, *test.to, test.mark, "test: ");
    }
    return Done{};
  }

  Status ReadCondition(const Model& model, const std::string& condition, const std::string& what,
                       const Mark& mark) {
    if (condition.empty()) return Done{};
    return ReadSql(
        model, "SELECT 1 WHERE (\n" + condition + "\n)", what, [&](std::size_t) { return mark; },
        false);
  }

  void ReadIntegration(const estate::Integration& integration) {
    Job& job = jobs_[integration.name];
    job.name = integration.name;
    job.mark = integration.mark;
    if (!integration.source.warehouse_table || !integration.destination.table) return;
    const auto maker = makers_.find(integration.source.warehouse_table->ToString());
    if (maker != makers_.end()) job.needs.push_back({maker->second, integration.source.mark});
  }

  void FindCircles() {
    for (auto& [name, job] : jobs_) Follow(job);
  }

  // NOLINTNEXTLINE(misc-no-recursion): as deep as models stand upon each other.
  void Follow(const Job& job) {
    if (done_.contains(job.name)) return;
    path_.push_back(&job);
    for (const Job::Need& need : job.needs) {
      const auto begin = std::find_if(path_.begin(), path_.end(),
                                      [&](const Job* above) { return above->name == need.job; });
      if (begin != path_.end()) {
        ReportCircle({begin, path_.end()});
      } else if (const auto next = jobs_.find(need.job); next != jobs_.end()) {
        Follow(next->second);
      }
    }
    path_.pop_back();
    done_.insert(job.name);
  }

  void ReportCircle(const std::vector<const Job*>& circle) {
    // A circle of integrations alone is theirs to explain.
    const auto first =
        std::find_if(circle.begin(), circle.end(), [](const Job* job) { return job->is_model; });
    if (first == circle.end()) return;
    std::vector<const Job*> turned = circle;
    std::rotate(turned.begin(), turned.begin() + (first - circle.begin()), turned.end());
    std::string names;
    for (const Job* job : turned) names += job->name + " -> ";
    const Job& front = *turned.front();
    const std::string& next = turned[1 % turned.size()]->name;
    const auto need = std::find_if(front.needs.begin(), front.needs.end(),
                                   [&](const Job::Need& one) { return one.job == next; });
    Report(need->mark,
           fmt::format("each of these needs the one behind it first, in a circle: {}{}; "
                       "let one of them read something else",
                       names, front.name));
  }

  const estate::Estate& estate_;
  const SqlParser& parser_;
  const estate::TemplateValues values_;
  std::map<std::string, std::string> makers_;  // The job that makes a table.
  std::vector<std::string> tables_;
  std::map<std::string, Job> jobs_;
  std::vector<const Job*> path_;
  std::set<std::string> done_;
  ModelGraph graph_;
};

}  // namespace

Result<std::string> WarehouseSql(const std::string& text, const estate::TemplateValues& values) {
  AFL_ASSIGN(const std::string rendered, estate::Render(text, values, estate::Quoting::kSql));
  return estate::WithQuotedNames(rendered).text;
}

Result<ModelGraph> ReadModelGraph(const estate::Estate& estate) {
  if (estate.models.empty()) return ModelGraph{};
  AFL_ASSIGN(const SqlParser parser, SqlParser::Open());
  GraphReader reader(estate, parser);
  AFL_TRY(reader.Read());
  return reader.Take();
}

}  // namespace afluente::pipeline
