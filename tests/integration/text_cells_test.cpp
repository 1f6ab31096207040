// The text forms that change data capture reads: for every value of the corpus, what the output
// function prints decodes to what the binary form does, as a snapshot reads it.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <iostream>
#include <memory>

#include "connectors/postgres/catalog.h"
#include "connectors/postgres/cell_decoder.h"
#include "connectors/postgres/columns.h"
#include "connectors/postgres/libpq.h"
#include "connectors/postgres/text_cell_decoder.h"
#include "data/test_duckdb.h"
#include "integration/type_corpus.h"
#include "support/pg_cluster.h"

namespace afluente::test {
namespace {

using postgres::Fault;

/// One column of one table, as the program itself would read it.
class BothForms {
 public:
  static BothForms Read(PGconn* connection, const std::string& table, bool as_text) {
    BothForms forms;
    const auto name = postgres::FindRelation(connection, "public." + table);
    const auto relation = postgres::DescribeRelation(connection, name.value());
    estate::Integration integration;
    integration.columns["v"].include = true;
    if (as_text) integration.columns["v"].type = "text";
    forms.selected_ = postgres::SelectColumns(relation.value().columns, integration).value();
    forms.text_ = Select(connection, "v", table, 0);
    forms.binary_ = Select(connection, forms.selected_.select_list, table, 1);
    return forms;
  }

  const data::LogicalType& type() const { return selected_.schema.front().type; }
  int rows() const { return PQntuples(text_.get()); }
  bool is_null(int row) const { return PQgetisnull(text_.get(), row, 0) == 1; }
  std::string_view text(int row) const { return Cell(text_, row); }

  Fault DecodeText(int row, std::size_t to, data::VectorWriter& out,
                   postgres::RowArena& arena) const {
    return postgres::DecodeTextCell(type(), selected_.layouts.front(), text(row), to, out, arena);
  }
  Fault DecodeBinary(int row, std::size_t to, data::VectorWriter& out) const {
    return postgres::DecodeCell(type(), selected_.forms.front(), Cell(binary_, row), to, out);
  }

 private:
  static postgres::QueryResult Select(PGconn* connection, const std::string& column,
                                      const std::string& table, int format) {
    const std::string sql = fmt::format("select {} from {} order by id", column, table);
    postgres::QueryResult result(
        PQexecParams(connection, sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, format));
    EXPECT_EQ(PQresultStatus(result.get()), PGRES_TUPLES_OK) << PQerrorMessage(connection);
    return result;
  }

  static std::string_view Cell(const postgres::QueryResult& result, int row) {
    return {PQgetvalue(result.get(), row, 0),
            static_cast<std::size_t>(PQgetlength(result.get(), row, 0))};
  }

  postgres::SelectedColumns selected_;
  postgres::QueryResult text_;
  postgres::QueryResult binary_;
};

/// What a comparison found.
struct Comparison {
  int compared = 0;
  int refused = 0;  // By both, for the same reason.
  std::vector<std::string> differences;
};

/// Fills one vector with the values of both forms in turn and lets DuckDB say what they are. -0 and
/// the bits of floats too: as DuckDB prints the value's bits.
Comparison Compare(const BothForms& forms) {
  constexpr std::size_t kPairs = 1000;
  Comparison comparison;
  data::TestColumn column(forms.type());
  const bool is_float =
      forms.type().kind == data::Kind::kFloat32 || forms.type().kind == data::Kind::kFloat64;
  postgres::RowArena arena;
  for (int row = 0; row < forms.rows();) {
    column.Reset();
    arena.Clear();
    std::vector<int> rows;
    for (; row < forms.rows() && rows.size() < kPairs; ++row) {
      if (forms.is_null(row)) continue;
      const std::size_t to = 2 * rows.size();
      const Fault text = forms.DecodeText(row, to, column.writer(), arena);
      const Fault binary = forms.DecodeBinary(row, to + 1, column.writer());
      ++comparison.compared;
      if (text != binary) {
        comparison.differences.push_back(fmt::format("row {}: the text {}, the binary form {}", row,
                                                     postgres::Describe(text),
                                                     postgres::Describe(binary)));
      }
      if (text != Fault::kNone || binary != Fault::kNone) {
        comparison.refused += text == binary ? 1 : 0;
        continue;
      }
      rows.push_back(row);
    }
    const auto cells = column.Rows(2 * rows.size(), is_float ? "v::bit::varchar" : "v");
    if (cells.size() != 2 * rows.size()) {
      comparison.differences.push_back(cells.empty() ? "no rows" : cells.front());
      return comparison;
    }
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (cells[2 * i] == cells[2 * i + 1]) continue;
      comparison.differences.push_back(fmt::format("row {} '{}': text gives {}, binary {}", rows[i],
                                                   std::string(forms.text(rows[i])).substr(0, 100),
                                                   cells[2 * i].substr(0, 100),
                                                   cells[2 * i + 1].substr(0, 100)));
    }
  }
  return comparison;
}

class TextCellsTest : public testing::TestWithParam<TypeCase> {
 protected:
  static void SetUpTestSuite() {
    if (database_) return;
    database_ = PgCluster::Shared().CreateDatabase();
    database_->Exec(TypeSetup() + "create domain host as inet; create domain square as box;");
    auto connected = postgres::Connect(database_->dsn(), {});
    ASSERT_TRUE(connected.ok()) << connected.error().message();
    connection_ = std::move(connected).value();
  }

  static void TearDownTestSuite() {
    std::cout << "text cells: " << compared_ << " values compared with their binary form, "
              << refused_ << " of them refused in both\n";
    compared_ = 0;
    refused_ = 0;
    connection_.reset();
    database_.reset();
  }

  static Comparison CompareCase(const TypeCase& type_case) {
    static int tables = 0;
    const std::string table = fmt::format("v{}", ++tables);
    std::string rows;
    for (std::size_t i = 0; i < type_case.values.size(); ++i) {
      rows += fmt::format("{}({}, {})", i == 0 ? "" : ", ", i,
                          SqlValue(type_case, type_case.values[i]));
    }
    database_->Exec(fmt::format("create table {0} (id integer, v {1}); insert into {0} values {2}",
                                table, type_case.pg_type, rows));
    Comparison comparison = Compare(BothForms::Read(connection_.get(), table, type_case.as_text));
    compared_ += comparison.compared;
    refused_ += comparison.refused;
    return comparison;
  }

  static inline std::unique_ptr<PgDatabase> database_;
  static inline postgres::Connection connection_;
  static inline int compared_ = 0;
  static inline int refused_ = 0;
};

TEST_P(TextCellsTest, AreWhatTheBinaryFormIs) {
  const Comparison comparison = CompareCase(GetParam());
  EXPECT_EQ(comparison.compared, static_cast<int>(GetParam().values.size()));
  EXPECT_EQ(comparison.refused, 0);
  EXPECT_THAT(comparison.differences, testing::IsEmpty());
}

/// All but the one value that no text form brings: xml is printed without its declaration.
std::vector<TypeCase> Corpus() {
  std::vector<TypeCase> cases = AllTypeCases();
  for (TypeCase& type_case : cases) {
    if (type_case.pg_type != "xml") continue;
    std::erase_if(type_case.values,
                  [](const std::string& value) { return value.starts_with("<?xml"); });
  }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Postgres, TextCellsTest, testing::ValuesIn(Corpus()),
                         [](const auto& row) { return row.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Further, TextCellsTest,
    testing::Values(
        TypeCase{.name = "InetHosts",
                 .pg_type = "inet",
                 .values = {"10.1.2.3", "::1", "::ffff:1.2.3.4", "::1.2.3.4", "1:2:3:4:5:6:7:8"}},
        TypeCase{.name = "InetHostArray",
                 .pg_type = "inet[]",
                 .values = {"{10.1.2.3,NULL,::1,10.0.0.0/8}"}},
        TypeCase{.name = "InetDomain", .pg_type = "host", .values = {"10.1.2.3"}},
        TypeCase{
            .name = "InetHostAsText", .pg_type = "inet", .values = {"10.1.2.3"}, .as_text = true},
        TypeCase{.name = "InetArrayAsText",
                 .pg_type = "inet[]",
                 .values = {"{10.1.2.3,::1/64}"},
                 .as_text = true},
        TypeCase{.name = "BoolArrayAsText",
                 .pg_type = "boolean[]",
                 .values = {"{t,f,NULL}"},
                 .as_text = true},
        TypeCase{.name = "BpcharArrayAsText",
                 .pg_type = "char(5)[]",
                 .values = {"{ab,NULL}"},
                 .as_text = true},
        TypeCase{
            .name = "BpcharArrayOfBlanks", .pg_type = "char(3)[]", .values = {"{\"   \",\" a\"}"}},
        TypeCase{.name = "BoxDomainArray",
                 .pg_type = "square[]",
                 .values = {"{(1,1),(0,0);(2,2),(1,1)}"}},
        TypeCase{.name = "TimetzZones",
                 .pg_type = "timetz",
                 .values = {"00:00:00.1-15:59:59", "23:59:59.000001+00:00:01"}},
        TypeCase{.name = "IntervalExtremes",
                 .pg_type = "interval",
                 .values = {"2147483647 months", "-2147483648 months",
                            Sql("make_interval(secs => -9223372036854.775)"), "-11 mons +1 day"}},
        TypeCase{.name = "NestedEscapes",
                 .pg_type = "text[][]",
                 .values = {R"({{"a\"b","\\\\"},{"{,}",NULL}})"}}),
    [](const auto& row) { return row.param.name; });

class RefusedTextCellsTest : public TextCellsTest {};

TEST_P(RefusedTextCellsTest, AreRefusedForTheSameReason) {
  const Comparison comparison = CompareCase(GetParam());
  EXPECT_EQ(comparison.refused, static_cast<int>(GetParam().values.size()));
  EXPECT_THAT(comparison.differences, testing::IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Postgres, RefusedTextCellsTest,
    testing::Values(
        TypeCase{.name = "Decimal", .pg_type = "numeric(10,2)", .values = {"NaN"}},
        TypeCase{.name = "DecimalArray", .pg_type = "numeric(10,2)[]", .values = {"{1,NaN}"}},
        TypeCase{.name = "Timestamp",
                 .pg_type = "timestamp",
                 .values = {"294247-01-10 04:00:54.775807", "294276-12-31 23:59:59.999999"}},
        TypeCase{.name = "Timestamptz",
                 .pg_type = "timestamptz",
                 .values = {"294247-01-10 04:00:54.775807+00", "294276-12-31 23:59:59.999999+00"}},
        TypeCase{.name = "Array",
                 .pg_type = "integer[]",
                 .values = {"[0:1]={1,2}", "{{1,2}}", "[2:2][-1:0]={{1,2}}", "{{{1}}}"}},
        TypeCase{.name = "Array2",
                 .pg_type = "integer[][]",
                 .values = {"{1,2}", "{{{1}}}", "[0:0][1:2]={{1,2}}"}}),
    [](const auto& row) { return row.param.name; });

struct RandomColumn {
  std::string name;
  std::string pg_type;
  std::string value;  // SQL of one value; random() is seeded.
};

class RandomTextCellsTest : public TextCellsTest {};

TEST_F(RandomTextCellsTest, AreWhatTheBinaryFormIs) {
  constexpr int kRows = 4000;
  const std::vector<RandomColumn> columns = {
      {"f8", "float8", "(random() - 0.5) * 10 ^ (random() * 600 - 300)"},
      {"f4", "float4", "(random() - 0.5) * 10 ^ (random() * 70 - 35)"},
      {"d4", "numeric(4,2)", "(random() - 0.5) * 199"},
      {"d18", "numeric(18,6)", "(random() - 0.5) * 10 ^ (random() * 11)"},
      {"d38", "numeric(38,12)", "((random() - 0.5) * 10 ^ (random() * 25))::numeric + random()"},
      {"day", "date", "date '4714-11-24 BC' + (random() * 10 ^ (random() * 9))::int"},
      {"ts", "timestamp",
       "timestamp '2000-01-01' + make_interval(secs => (random() - 0.5) * 1e11)"},
      {"tz", "timestamptz",
       "timestamptz '2000-01-01 00:00+00' + make_interval(secs => (random() - 0.5) * 1e11)"},
      {"iv", "interval",
       "make_interval(months => ((random() - 0.5) * 50)::int, days => ((random() - 0.5) * 5)::int,"
       " secs => (random() - 0.5) * 10 ^ (random() * 12))"},
      {"ta", "text[]",
       "array[md5(random()::text), null, '', repeat(E'a\"\\\\ b', (random() * 9)::int)]"},
      {"ia", "integer[]", "array[(random() * 1e9)::int, null, -(random() * 1e3)::int]"}};
  for (const RandomColumn& column : columns) {
    database_->Exec(
        fmt::format("select setseed(0.5); create table r_{0} (id integer, v {1}); "
                    "insert into r_{0} select i, {2} from generate_series(1, {3}) i",
                    column.name, column.pg_type, column.value, kRows));
    const Comparison comparison =
        Compare(BothForms::Read(connection_.get(), "r_" + column.name, false));
    EXPECT_EQ(comparison.compared, kRows) << column.name;
    EXPECT_EQ(comparison.refused, 0) << column.name;
    EXPECT_THAT(comparison.differences, testing::IsEmpty()) << column.name;
    compared_ += comparison.compared;
  }
}

}  // namespace
}  // namespace afluente::test
