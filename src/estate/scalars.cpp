#include "estate/scalars.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <string>
#include <system_error>
#include <utility>

#include "estate/ascii.h"
#include "estate/quantities.h"
#include "estate/secrets.h"
#include "estate/sql_texts.h"
#include "estate/utf8.h"

namespace afluente::estate {
namespace {

// For names of things that also become names of files, of runs and parts of URLs.
std::string NameProblem(const std::string& text, std::string_view also, std::size_t length_max) {
  if (text.empty()) return "it is empty";
  if (text.size() > length_max) {
    return "it is longer than " + std::to_string(length_max) + " characters";
  }
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (IsLower(text[i]) || IsDigit(text[i]) || also.find(text[i]) != std::string_view::npos) {
      continue;
    }
    const std::size_t length = std::max<std::size_t>(1, Utf8Length(text, i));
    return Quoted(std::string_view(text).substr(i, length)) + " is not allowed in it";
  }
  if (text.front() == '-') return "it starts with -";
  return "";
}

// DuckDB attaches a project's file under the project's name.
std::string ProjectNameProblem(const std::string& text) {
  constexpr std::array<std::string_view, 5> kTaken = {"main", "temp", "system", "memory", "lake"};
  if (std::find(kTaken.begin(), kTaken.end(), text) != kTaken.end()) {
    return "the warehouse keeps that name for itself";
  }
  return NameProblem(text, "-", 100);
}

std::string NotEmpty(const std::string& text) {
  const bool blank = text.find_first_not_of(" \t\r\n") == std::string::npos;
  return blank ? "it is empty" : "";
}

template <class T>
std::string ProblemOf(const Result<T>& result) {
  return result.ok() ? "" : result.error().message();
}

std::string SourceTableProblem(const std::string& text) {
  const Result<std::vector<std::string>> parts = ParseTableName(text);
  if (!parts.ok()) return parts.error().message();
  if (parts.value().size() == 1) return "its schema is missing: write public." + text;
  return parts.value().size() == 2 ? "" : "it has more than two parts";
}

std::string AnyTableProblem(const std::string& text) {
  if (SourceTableProblem(text).empty()) return "";
  return ProblemOf(ParseTableAddress(text));
}

std::string ChangeTableProblem(const std::string& text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos || text.find('"') < colon) return SourceTableProblem(text);
  if (colon == 0) return "the connection before the colon is missing";
  return SourceTableProblem(text.substr(colon + 1));
}

std::string LakeUrlProblem(const std::string& text) {
  for (const std::string_view scheme : {"file://", "gs://"}) {
    if (text.starts_with(scheme)) {
      return text.size() > scheme.size() ? "" : "nothing stands behind " + std::string(scheme);
    }
  }
  return "it does not start with file:// or gs://";
}

std::string TopicProblem(const std::string& text) {
  if (std::string problem = NotEmpty(text); !problem.empty()) return problem;
  const bool fits = std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || std::string_view("-_.~+%/").find(c) != std::string_view::npos;
  });
  return fits ? "" : "a topic has letters, digits and - _ . ~ + % only";
}

std::string WebhookPathProblem(const std::string& text) {
  if (!text.starts_with('/') || text.size() < 2) return "write it from the first /: /hooks/name";
  const bool fits = std::all_of(text.begin(), text.end(), [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return std::isalnum(byte) != 0 || std::string_view("-_./").find(c) != std::string_view::npos;
  });
  if (!fits) return "a path has letters, digits and - _ . / only";
  return text.find("..") == std::string::npos ? "" : "\"..\" leads out";
}

std::string ListenProblem(const std::string& text) { return ProblemOf(ParseListen(text)); }

std::string BodyPathProblem(const std::string& text) {
  if (std::string problem = NotEmpty(text); !problem.empty()) return problem;
  const bool has_gap =
      text.front() == '.' || text.back() == '.' || text.find("..") != std::string::npos;
  return has_gap ? "a name between its dots is missing" : "";
}

std::string ColumnNameProblem(const std::string& text) {
  if (text.size() > 300) return "it is longer than any system's column names";
  return NotEmpty(text);
}

std::string FlagProblem(const std::string& text) {
  if (text == "true" || text == "false") return "";
  return "write true or false";
}

std::string LanesProblem(const std::string& text) {
  int lanes = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), lanes);
  const bool number = error == std::errc{} && end == text.data() + text.size();
  return number && lanes >= 0 && lanes <= 64 ? "" : "0 leaves the choice to afluente";
}

std::string CountProblem(const std::string& text) {
  std::int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool number = error == std::errc{} && end == text.data() + text.size();
  return number && count >= 0 ? "" : "digits only, at most 9223372036854775807";
}

std::string SizeProblem(const std::string& text) {
  if (ParseSize(text)) return "";
  return "a whole number above 0 and one of kB, MB, GB, TB, below 2^63 bytes";
}

std::string CurrencyProblem(const std::string& text) {
  return text.size() == 3 && std::all_of(text.begin(), text.end(), IsUpper)
             ? ""
             : "three capital letters";
}

std::string DsnProblem(const std::string& text) {
  if (std::string problem = NotEmpty(text); !problem.empty()) return problem;
  if (std::string problem = ReferenceProblem(text); !problem.empty()) return problem;
  if (!HoldsPassword(text)) return "";
  return "it spells a password out: put the DSN or its password into ${env:NAME} or ${file:path}";
}

std::string SecretProblem(const std::string& text) {
  if (std::string problem = ReferenceProblem(text); !problem.empty()) return problem;
  return IsReference(text) ? "" : "a secret never stands in the estate itself";
}

std::string PathProblem(const std::string& text) {
  if (std::string problem = NotEmpty(text); !problem.empty()) return problem;
  return ReferenceProblem(text);
}

}  // namespace

const ScalarKind kText{.name = "text",
                       .expected = "a text",
                       .doc = "Any text that is not empty.",
                       .example = "RapidPro contacts",
                       .pattern = "\\S",
                       .problem = &NotEmpty};
const ScalarKind kFlag{.name = "flag",
                       .expected = "true or false",
                       .doc = "`true` or `false`.",
                       .example = "true",
                       .pattern = "",
                       .problem = &FlagProblem,
                       .json_type = "boolean"};
const ScalarKind kLanes{.name = "lanes",
                        .expected = "a whole number from 0 to 64",
                        .doc = "A whole number from 0 to 64.",
                        .example = "4",
                        .pattern = "",
                        .problem = &LanesProblem,
                        .json_type = "integer"};
const ScalarKind kCount{.name = "count",
                        .expected = "a whole number",
                        .doc = "A whole number from 0 on.",
                        .example = "1000",
                        .pattern = "",
                        .problem = &CountProblem,
                        .json_type = "integer"};
const ScalarKind kName{
    .name = "name",
    .expected = "a name of small letters, digits and -",
    .doc = "Small letters, digits and `-`; at most 100 characters.",
    .example = "user-integration",
    .pattern = "^[a-z0-9][a-z0-9-]{0,99}$",
    .problem = [](const std::string& text) { return NameProblem(text, "-", 100); }};
const ScalarKind kProjectName{
    .name = "project_name",
    .expected = "a project's name of small letters, digits and -",
    .doc =
        "Small letters, digits and `-`, as GCP names projects; not a name that DuckDB keeps for "
        "itself (`main`, `temp`, `system`, `memory`, `lake`).",
    .example = "rapidpro-217518",
    .pattern = "^[a-z0-9][a-z0-9-]{0,99}$",
    .problem = &ProjectNameProblem};
const ScalarKind kConnectionName{
    .name = "connection_name",
    .expected = "a connection's name of small letters, digits, - and _",
    .doc = "Small letters, digits, `-` and `_`.",
    .example = "rapidpro",
    .pattern = "^[a-z0-9_][a-z0-9_-]{0,99}$",
    .problem = [](const std::string& text) { return NameProblem(text, "-_", 100); }};
const ScalarKind kServiceAccount{
    .name = "service_account",
    .expected = "a service account's name such as etl-sa",
    .doc = "A service account by its short name or its e-mail address.",
    .example = "api-sa",
    .pattern = "^[a-z0-9_.@][a-z0-9_.@-]{0,199}$",
    .problem = [](const std::string& text) { return NameProblem(text, "-_.@", 200); }};
const ScalarKind kTag{
    .name = "tag",
    .expected = "a tag of small letters, digits, - and _",
    .doc = "Small letters, digits, `-` and `_`.",
    .example = "pii",
    .pattern = "^[a-z0-9_][a-z0-9_-]{0,99}$",
    .problem = [](const std::string& text) { return NameProblem(text, "-_", 100); }};
const ScalarKind kColumnName{.name = "column_name",
                             .expected = "a column's name",
                             .doc = "The name of a column, letter by letter as the system has it.",
                             .example = "updated_at",
                             .pattern = "\\S",
                             .problem = &ColumnNameProblem};
const ScalarKind kColumnType{.name = "column_type",
                             .expected = "a DuckDB type such as bigint or decimal(18,2), or text",
                             .doc = "A DuckDB type, or `text` for PostgreSQL's text form.",
                             .example = "decimal(18,2)",
                             .pattern = "^[A-Za-z][^;]*$",
                             .problem = &ColumnTypeProblem};
const ScalarKind kWarehouseTable{
    .name = "warehouse_table",
    .expected = "a warehouse table as project.dataset.table",
    .doc = "A table of the warehouse: `project.dataset.table`.",
    .example = "operations-dashboards.analytics.dim_contacts",
    .pattern = "^[^.\\s\"]+\\.[^.\\s\"]+\\.[^.\\s\"]+$",
    .problem = [](const std::string& text) { return ProblemOf(ParseTableAddress(text)); }};
const ScalarKind kSourceTable{
    .name = "source_table",
    .expected = "a PostgreSQL table as schema.table",
    .doc =
        "A PostgreSQL table: `schema.table`, read as SQL reads it: capital letters and special "
        "characters stand in double quotes.",
    .example = "public.contacts",
    .pattern = "\\.",
    .problem = &SourceTableProblem};
const ScalarKind kAnyTable{
    .name = "destination_table",
    .expected = "project.dataset.table of the warehouse, or schema.table with a connection",
    .doc = "`project.dataset.table` of the warehouse; with `connection`: `schema.table` in it.",
    .example = "operations-dashboards.analytics.dim_contacts",
    .pattern = "\\.",
    .problem = &AnyTableProblem};
const ScalarKind kChangeTable{
    .name = "change_table",
    .expected = "a PostgreSQL table as connection:schema.table",
    .doc = "A PostgreSQL table: `connection:schema.table`; without a connection, the source's.",
    .example = "rapidpro:public.flows",
    .pattern = "\\.",
    .problem = &ChangeTableProblem};
const ScalarKind kLakeAddress{
    .name = "lake_address",
    .expected = "a lake address as project/bucket/prefix",
    .doc = "A place in the lake: `project/bucket/prefix`.",
    .example = "movva-datalake/raw/events",
    .pattern = "^[^/\\s]+/[^/\\s]+/[^\\s]+$",
    .problem = [](const std::string& text) { return ProblemOf(ParseLakeAddress(text)); }};
const ScalarKind kLakeUrl{
    .name = "lake_url",
    .expected = "a URL that starts with file:// or gs://",
    .doc = "`file://folder` (relative to the state folder, or absolute) or `gs://bucket`.",
    .example = "gs://movva-datalake-raw",
    .pattern = "^(file|gs)://.",
    .problem = &LakeUrlProblem};
const ScalarKind kSelect{.name = "select",
                         .expected = "one SELECT",
                         .doc = "One `SELECT` of the source's dialect, without a semicolon.",
                         .example = "select id, total from app.orders",
                         .pattern = "\\S",
                         .problem = &SelectProblem};
const ScalarKind kCondition{.name = "condition",
                            .expected = "an SQL condition",
                            .doc = "An SQL condition of the source's dialect, without `WHERE`.",
                            .example = "deleted_at is null",
                            .pattern = "\\S",
                            .problem = &ConditionProblem};
const ScalarKind kTransform{.name = "transform",
                            .expected = "SELECT ... FROM batch",
                            .doc = "`SELECT ... FROM batch` in DuckDB's dialect.",
                            .example = "select *, upper(state) as uf from batch",
                            .pattern = "[bB][aA][tT][cC][hH]",
                            .problem = &TransformProblem};
const ScalarKind kTopic{.name = "topic",
                        .expected = "a topic's name",
                        .doc = "The name of a Pub/Sub topic.",
                        .example = "message-events",
                        .pattern = "^[A-Za-z0-9_.~+%/-]+$",
                        .problem = &TopicProblem};
const ScalarKind kWebhookPath{.name = "webhook_path",
                              .expected = "a path such as /hooks/flows",
                              .doc = "The path at which events arrive.",
                              .example = "/hooks/flows",
                              .pattern = "^/[A-Za-z0-9_./-]+$",
                              .problem = &WebhookPathProblem};
const ScalarKind kBodyPath{.name = "body_path",
                           .expected = "names with dots between them, such as flow.id",
                           .doc =
                               "A place in a JSON body: names of keys, or places in an array "
                               "from 0 on, with dots between them.",
                           .example = "flow.id",
                           .pattern = "^[^.]+([.][^.]+)*$",
                           .problem = &BodyPathProblem};
const ScalarKind kListen{.name = "listen",
                         .expected = "an address and a port such as 127.0.0.1:8090",
                         .doc =
                             "An address of this machine and a port, `HOST:PORT`; port 0 is any "
                             "that is free, an IPv6 address stands in brackets.",
                         .example = "127.0.0.1:8090",
                         .pattern = "^(\\[[0-9A-Fa-f:.]+\\]|[^:\\[\\]]+):[0-9]{1,5}$",
                         .problem = &ListenProblem};
const ScalarKind kSize{.name = "size",
                       .expected = "a size such as 512MB or 10GB",
                       .doc =
                           "A whole number and a unit as PostgreSQL has them, powers of 1024: "
                           "`kB`, `MB`, `GB`, `TB`.",
                       .example = "10GB",
                       .pattern = "^[0-9]+(kB|MB|GB|TB)$",
                       .problem = &SizeProblem};
const ScalarKind kCurrency{.name = "currency",
                           .expected = "a currency's ISO 4217 code such as BRL",
                           .doc = "An ISO 4217 code.",
                           .example = "BRL",
                           .pattern = "^[A-Z]{3}$",
                           .problem = &CurrencyProblem};
const ScalarKind kPath{.name = "path",
                       .expected = "a path",
                       .doc = "A path; may hold `${env:NAME}`.",
                       .example = "certs/root.pem",
                       .pattern = "\\S",
                       .problem = &PathProblem,
                       .references = true};
const ScalarKind kDsn{
    .name = "dsn",
    .expected = "a DSN without a literal password",
    .doc =
        "A libpq connection string or a URL. Its password is `${env:NAME}` or `${file:path}`, "
        "or the whole DSN is.",
    .example = "${env:RAPIDPRO_DSN}",
    .pattern = "\\S",
    .problem = &DsnProblem,
    .references = true,
    .secret = true};
const ScalarKind kSecret{.name = "secret",
                         .expected = "${env:NAME} or ${file:path}",
                         .doc = "A reference, `${env:NAME}` or `${file:path}`, and nothing else.",
                         .example = "${env:MASK_SALT}",
                         .pattern = "^(\\$\\{(env|file):[^}]+\\})+$",
                         .problem = &SecretProblem,
                         .references = true,
                         .secret = true};

}  // namespace afluente::estate
