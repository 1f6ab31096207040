#include "orchestrator/tasks/task_context.h"

#include <nlohmann/json.hpp>

#include "estate/secrets.h"

namespace afluente::orchestrator {

Result<std::map<std::string, std::string>> ParametersOf(const std::string& text) {
  std::map<std::string, std::string> params;
  if (text.empty()) return params;
  const auto told = nlohmann::json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!told.is_object()) {
    return Error(ErrorKind::kInvalidConfig, "the run's parameters are no JSON object");
  }
  // A number or a flag counts as its text: who calls the API need not know the types.
  for (const auto& [name, value] : told.items()) {
    if (value.is_structured() || value.is_null()) {
      return Error(ErrorKind::kInvalidConfig,
                   "parameter " + name + " of the run is neither a text nor a number");
    }
    params.emplace(name, value.is_string() ? value.get<std::string>() : value.dump());
  }
  return params;
}

Result<std::string> FilledParameters(const estate::Estate& estate, const std::string& job,
                                     const std::string& given) {
  AFL_ASSIGN(const auto params, ParametersOf(given));
  const auto dag = estate.dags.find(job);
  if (dag == estate.dags.end()) {
    if (params.empty()) return std::string();
    return Error(
        ErrorKind::kInvalidConfig,
        job + " is no DAG and takes no parameters: leave out \"" + params.begin()->first + "\"");
  }
  AFL_ASSIGN(const auto filled, estate::FillParameters(dag->second, params));
  return filled.empty() ? std::string() : nlohmann::json(filled).dump();
}

std::map<std::string, std::string> EnvironmentOf(const Attempt& attempt) {
  return {{"AFLUENTE_JOB", attempt.job},
          {"AFLUENTE_RUN", attempt.ref.run},
          {"AFLUENTE_TASK", attempt.ref.task},
          {"AFLUENTE_INTERVAL_START", FormatRfc3339(attempt.interval_start)},
          {"AFLUENTE_INTERVAL_END", FormatRfc3339(attempt.nominal)}};
}

Result<estate::TemplateValues> ValuesOf(const TaskContext& context, const estate::Dag& dag,
                                        const Attempt& attempt) {
  AFL_ASSIGN(const auto given, ParametersOf(attempt.params));
  AFL_ASSIGN(const auto params, estate::FillParameters(dag, given));
  return estate::DagValues(context.estate, dag,
                           {FormatRfc3339(attempt.interval_start), FormatRfc3339(attempt.nominal)},
                           attempt.ref.run, params);
}

Result<std::string> RenderPrivate(const TaskContext& context, const std::string& text,
                                  const estate::TemplateValues& values) {
  std::string made;
  std::size_t at = 0;
  const auto copy = [&](std::size_t end) -> Status {
    AFL_ASSIGN(const std::string resolved,
               estate::ResolveSecrets(text.substr(at, end - at), context.estate.folder));
    made += resolved;
    return Done{};
  };
  for (const estate::TemplatePart& part : estate::References(text, estate::Quoting::kPlain).parts) {
    AFL_TRY(copy(part.offset));
    AFL_ASSIGN(const std::string value, estate::Render(text.substr(part.offset, part.length),
                                                       values, estate::Quoting::kPlain));
    made += value;
    at = part.offset + part.length;
  }
  AFL_TRY(copy(text.size()));
  return made;
}

}  // namespace afluente::orchestrator
