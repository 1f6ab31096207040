#include "integration/type_corpus.h"

namespace afluente::test {
namespace {

/// An array of a natural type becomes a LIST, as deep as it is declared.
TypeCase List(const std::string& name, const std::string& pg_type, const std::string& duck_type,
              Print print, const std::vector<std::string>& values, int depth = 1) {
  return {.name = name,
          .pg_type = pg_type,
          .duck_type = duck_type,
          .print = print,
          .list_depth = depth,
          .values = values};
}

std::vector<TypeCase> NaturalArrayCases() {
  return {
      List("Int2Array", "smallint[]", "SMALLINT[]", Print::kPlain,
           {"{}", "{1}", "{1,NULL,-32768}", "{NULL}"}),
      List("Int4Array", "integer[]", "INTEGER[]", Print::kPlain,
           {"{}", "{1}", "{1,2,3}", "{NULL,NULL}", "{2147483647,-2147483648,0}",
            Sql("(select array_agg(i) from generate_series(1, 10000) i)")}),
      List("Int8Array", "bigint[]", "BIGINT[]", Print::kPlain,
           {"{}", "{9223372036854775807,NULL,-9223372036854775808}"}),
      List("BoolArray", "boolean[]", "BOOLEAN[]", Print::kBool, {"{}", "{t,f,NULL}"}),
      List("Float8Array", "float8[]", "DOUBLE[]", Print::kFloat8,
           {"{}", "{0,-0,0.1,NULL,NaN,Infinity,-Infinity,5e-324}"}),
      List("Float4Array", "float4[]", "FLOAT[]", Print::kFloat4, {"{}", "{0.1,NULL,NaN,1e-45}"}),
      List("DecimalArray", "numeric(10,2)[]", "DECIMAL(10,2)[]", Print::kPlain,
           {"{}", "{0.01,NULL,-99999999.99,1}"}),
      List("NumericArray", "numeric[]", "VARCHAR[]", Print::kTextArray,
           {"{}", "{0.010,NULL,NaN,1e50}"}),
      List("TextArray", "text[]", "VARCHAR[]", Print::kPlain,
           {"{}", "{a,b}", "{NULL,\"NULL\",null,\"null\"}", "{\"\",\" \",\"a b\",\"c,d\"}",
            "{\"{x}\",\"q\\\"q\",\"b\\\\b\"}", "{ação,日本,👍}", "{\"line\nbreak\",\"tab\t\"}",
            Sql("array[repeat('x', 100000), NULL]")}),
      List("VarcharArray", "varchar(10)[]", "VARCHAR[]", Print::kPlain, {"{}", "{a,NULL,\"\"}"}),
      List("BpcharArray", "char(3)[]", "VARCHAR[]", Print::kTextArray, {"{}", "{a,NULL,abc}"}),
      List("UuidArray", "uuid[]", "UUID[]", Print::kPlain,
           {"{}", "{00000000-0000-0000-0000-000000000000,NULL}"}),
      List("ByteaArray", "bytea[]", "BLOB[]", Print::kBytea, {"{}", "{\"\\\\x00ff\",NULL,\"\"}"}),
      List("DateArray", "date[]", "DATE[]", Print::kDate,
           {"{}", "{2020-02-29,NULL,infinity,\"0044-03-15 BC\"}"}),
      List("TimestampArray", "timestamp[]", "TIMESTAMP[]", Print::kTimestamp,
           {"{}", "{\"2020-02-29 12:34:56.789\",NULL,-infinity}"}),
      List("TimestamptzArray", "timestamptz[]", "TIMESTAMP WITH TIME ZONE[]", Print::kTimestamptz,
           {"{}", "{\"2020-02-29 12:34:56.789-03\",NULL,infinity}"}),
      List("TimeArray", "time[]", "TIME[]", Print::kPlain, {"{}", "{12:00:00.5,NULL,24:00}"}),
      List("TimetzArray", "timetz[]", "TIME WITH TIME ZONE[]", Print::kPlain,
           {"{}", "{12:00:00.5-03,NULL}"}),
      List("IntervalArray", "interval[]", "INTERVAL[]", Print::kInterval,
           {"{}", "{\"1 year -2 days\",NULL,00:00:01.5}"}),
      List("JsonArray", "json[]", "JSON[]", Print::kPlain,
           {"{}", R"({"{\"a\": 1}",NULL,"null","[1, 2]"})"}),
      List("JsonbArray", "jsonb[]", "JSON[]", Print::kPlain,
           {"{}", R"({"{\"b\":1,\"a\":2}",NULL,"\"x\""})"}),
  };
}

std::vector<TypeCase> DeepArrayCases() {
  return {
      List("Int4Array2", "integer[][]", "INTEGER[][]", Print::kPlain,
           {"{}", "{{1}}", "{{1,2},{3,4},{5,NULL}}", "{{NULL},{NULL}}"}, 2),
      List("Int4Array3", "integer[][][]", "INTEGER[][][]", Print::kPlain,
           {"{}", "{{{1,2},{3,4}},{{5,6},{7,8}}}", "{{{NULL}}}"}, 3),
      List("TextArray2", "text[][]", "VARCHAR[][]", Print::kPlain,
           {"{}", "{{a,\"b c\"},{NULL,\"\"}}"}, 2),
      List("ArrayWithSize", "integer[3]", "INTEGER[]", Print::kPlain, {"{1,2,3}", "{1}"}),
  };
}

/// An array of a type that has no natural form is a list of texts.
std::vector<TypeCase> OtherArrayCases() {
  return {
      List("InetArray", "inet[]", "VARCHAR[]", Print::kTextArray, {"{}", "{10.0.0.1,NULL,::1/64}"}),
      List("PointArray", "point[]", "VARCHAR[]", Print::kTextArray, {"{}", "{\"(1,2)\",NULL}"}),
      List("MoneyArray", "money[]", "VARCHAR[]", Print::kTextArray, {"{}", "{\"$1,234.50\",NULL}"}),
      List("BitArray", "bit(3)[]", "VARCHAR[]", Print::kTextArray, {"{}", "{101,NULL}"}),
      List("EnumArray", "mood[]", "VARCHAR[]", Print::kTextArray,
           {"{}", "{ok,\"very happy\",NULL}"}),
      List("CompositeArray", "pair[]", "VARCHAR[]", Print::kTextArray,
           {"{}", "{\"(1,\\\"a b\\\")\",NULL}"}),
      List("HstoreArray", "hstore[]", "VARCHAR[]", Print::kTextArray,
           {"{}", "{\"\\\"a\\\"=>\\\"1\\\"\",NULL}"}),
      List("RangeArray", "int4range[]", "VARCHAR[]", Print::kTextArray,
           {"{}", "{\"[1,5)\",empty,NULL}"}),
      List("XmlArray", "xml[]", "VARCHAR[]", Print::kTextArray, {"{}", "{<a/>,NULL}"}),
      List("NameArray", "name[]", "VARCHAR[]", Print::kTextArray, {"{}", "{a,NULL,\"b c\"}"}),
      List("DomainArrayOf", "positive[]", "INTEGER[]", Print::kPlain,
           {"{}", "{1,NULL,2147483647}"}),
      List("BoxArray", "box[]", "VARCHAR[]", Print::kTextArray,
           {"{}", "{(1,1),(0,0);(2,2),(1,1)}"}),
  };
}

TypeCase AsText(const std::string& name, const std::string& pg_type,
                const std::vector<std::string>& values) {
  return {.name = name + "AsText",
          .pg_type = pg_type,
          .duck_type = "VARCHAR",
          .values = values,
          .as_text = true};
}

}  // namespace

std::vector<TypeCase> ArrayCases() {
  std::vector<TypeCase> cases = NaturalArrayCases();
  for (const auto& group : {DeepArrayCases(), OtherArrayCases()}) {
    cases.insert(cases.end(), group.begin(), group.end());
  }
  return cases;
}

std::vector<TypeCase> AsTextCases() {
  return {
      AsText("Int4", "integer", {"0", "-2147483648"}),
      AsText("Bool", "boolean", {"t", "f"}),
      AsText("Float8", "float8",
             {"0", "-0", "0.1", "1e15", "1e16", "1e-5", "NaN", "-Infinity", "5e-324",
              "1.7976931348623157e308", "100", "123456.789"}),
      AsText("Float4", "float4", {"0.1", "1e10", "16777216", "3.4028235e38"}),
      AsText("Decimal", "numeric(10,2)", {"0", "1.5", "NaN"}),
      AsText("Bytea", "bytea", {"", "\\x00ff"}),
      AsText("Date", "date", {"2020-02-29", "0044-03-15 BC", "infinity"}),
      AsText("Timestamp", "timestamp",
             {"2020-02-29 12:34:56.789", "294276-12-31 23:59:59.999999", "0044-03-15 12:00 BC"}),
      AsText("Timestamptz", "timestamptz",
             {"2020-02-29 12:34:56.789-03", "294276-12-31 23:59:59.999999+00", "-infinity"}),
      AsText("Interval", "interval", {"1 year -2 mons +3 days -04:05:06.5", "0", "-1 day"}),
      AsText("Bpchar", "char(5)", {"ab", ""}),
      AsText("Json", "json", {" {\"a\" : 1} "}),
      AsText("Uuid", "uuid", {"a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"}),
      AsText("IntArray", "integer[]",
             {"{}", "{1,NULL}", "{{1,2},{3,4}}", "[0:1]={1,2}", "[2:2][-1:0]={{1,2}}"}),
      AsText("TextArray", "text[]", {"{\"a b\",NULL,\"NULL\"}"}),
      AsText("Point", "point", {"(1,2)"}),
  };
}

}  // namespace afluente::test
