// Values that the destination cannot hold: the run fails, says which column and
// what to do, and leaves the destination as it was.
#include <fmt/format.h>

#include "support/movement.h"

namespace afluente::test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

struct RefusedValue {
  const char* name;
  const char* type;
  const char* good;
  const char* bad;
};

class RefusedValuesTest : public MovementTest, public testing::WithParamInterface<RefusedValue> {};

TEST_P(RefusedValuesTest, FailsNamesTheColumnAndItsCureWorks) {
  const RefusedValue& row = GetParam();
  Source(fmt::format("create table t(id int, v_col {}); insert into t values (1, '{}')", row.type,
                     row.good));
  Declare("");
  RunOk("t");
  Source(fmt::format("insert into t values (2, '{}')", row.bad));
  RunFails("t", 1, {"t", "\"v_col\"", "type: text"});
  EXPECT_THAT(WarehouseLines("select id from dw.d.t"), ElementsAre("1"));
  // The cure that the message names.
  Declare("columns: { v_col: { type: text } }");
  RunOk("t");
  EXPECT_EQ(WarehouseLines("select id, v_col from dw.d.t order by id"),
            SourceLines("select id, v_col::text from t order by id"));
}

INSTANTIATE_TEST_SUITE_P(
    Of, RefusedValuesTest,
    testing::Values(
        RefusedValue{"NanInDecimal", "numeric(10,2)", "1.50", "NaN"},
        RefusedValue{"NanInWideDecimal", "numeric(38,2)", "1.50", "NaN"},
        RefusedValue{"NanInDecimalArray", "numeric(10,2)[]", "{1}", "{1,NaN}"},
        RefusedValue{"TwoDimensionsInOne", "int[]", "{1}", "{{1,2},{3,4}}"},
        RefusedValue{"OneDimensionInTwo", "int[][]", "{{1}}", "{1,2}"},
        RefusedValue{"LowerBoundZero", "int[]", "{1}", "[0:1]={1,2}"},
        RefusedValue{"LowerBoundOfSecond", "text[][]", "{{a}}", "[1:1][2:2]={{a}}"},
        RefusedValue{"TimestampTooLate", "timestamp", "2020-01-01", "294276-12-31 23:59:59"},
        RefusedValue{"TimestampJustTooLate", "timestamp", "2020-01-01",
                     "294247-01-10 04:00:54.775807"},
        RefusedValue{"TimestamptzTooLate", "timestamptz", "2020-01-01 00:00+00",
                     "294276-12-31 23:59:59+00"},
        RefusedValue{"TimestampInArrayTooLate", "timestamp[]", "{2020-01-01}", "{294276-12-31}"}),
    [](const auto& row) { return std::string(row.param.name); });

class InvalidUtf8Test : public MovementTest {
 protected:
  InvalidUtf8Test() {
    database_ = PgCluster::Shared().CreateDatabase(
        "template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'");
    estate_.SetEnv("SRC_DSN", database_->dsn());
    Source("create table t(id int, v_col text, xs text[], j json)");
    Source("insert into t values (1, 'good', '{a}', '{}')");
    Declare("");
    RunOk("t");
  }
};

TEST_F(InvalidUtf8Test, ValidUtf8Arrives) {
  Source("insert into t values (2, E'\\xc3\\xa7', array[E'\\xc3\\xa7'], E'\"\\xc3\\xa7\"')");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select v_col, xs[1], j from dw.d.t where id = 2"),
              ElementsAre("ç|ç|\"ç\""));
}

TEST_F(InvalidUtf8Test, InvalidBytesFailInEveryKindOfColumn) {
  // A lone byte, an overlong form, a surrogate, past the end of Unicode, cut short.
  for (const char* bytes :
       {"\\xe7", "\\xc0\\xaf", "\\xed\\xa0\\x80", "\\xf4\\x90\\x80\\x80", "abc\\xe2\\x82"}) {
    Source(fmt::format("insert into t values (2, E'{}', null, null)", bytes));
    const Outcome outcome = RunFails("t", 1, {"\"v_col\"", "UTF-8"});
    EXPECT_THAT(outcome.err, Not(HasSubstr("abc"))) << "a value of a cell stands in the message";
    Source("delete from t where id = 2");
  }
  Source("insert into t values (2, 'x', array[E'ok', E'\\xe7'], null)");
  RunFails("t", 1, {"\"xs\"", "UTF-8"});
  Source("update t set xs = null, j = E'\"\\xe7\"' where id = 2");
  RunFails("t", 1, {"\"j\"", "UTF-8"});
  EXPECT_THAT(WarehouseLines("select id, v_col from dw.d.t"), ElementsAre("1|good"));
}

TEST_F(InvalidUtf8Test, InAColumnThatIsExcludedDoesNotMatter) {
  Source("insert into t values (2, E'\\xe7', null, null)");
  Declare("columns: { v_col: { exclude: true } }");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select id from dw.d.t order by id"), ElementsAre("1", "2"));
}

TEST_F(MovementTest, Latin1DatabaseArrivesAsUtf8) {
  const auto latin = PgCluster::Shared().CreateDatabase(
      "template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'");
  estate_.SetEnv("SRC_DSN", latin->dsn());
  latin->Exec("set client_encoding = 'UTF8'");
  latin->Exec(
      "create table t(id int, v text, c char(4));"
      "insert into t values (1, 'ação', 'çé')");
  Declare("");
  RunOk("t");
  EXPECT_THAT(WarehouseLines("select v, c from dw.d.t"), ElementsAre("ação|çé"));
}

}  // namespace
}  // namespace afluente::test
