// Types without a natural column type: they arrive exactly as ::text prints them.
#include "integration/type_corpus.h"

namespace afluente::test {
namespace {

TypeCase TextForm(const std::string& name, const std::string& pg_type,
                  const std::vector<std::string>& values) {
  return {.name = name, .pg_type = pg_type, .duck_type = "VARCHAR", .values = values};
}

std::vector<TypeCase> NetworkAndBitCases() {
  return {
      TextForm("Inet", "inet",
               {"0.0.0.0", "255.255.255.255", "192.168.1.5/24", "10.0.0.0/8", "10.1.2.3/32", "::1",
                "::", "2001:db8::ff00:42:8329/64", "::ffff:1.2.3.4", "fe80::1/10"}),
      TextForm("Cidr", "cidr",
               {"0.0.0.0/0", "10.0.0.0/8", "192.168.1.5/32", "::/0", "2001:db8::/32", "::1/128"}),
      TextForm("Macaddr", "macaddr",
               {"00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "08-00-2b-01-02-03"}),
      TextForm("Macaddr8", "macaddr8",
               {"00:00:00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff:ff:ff", "08:00:2b:01:02:03"}),
      TextForm("Bit1", "bit", {"0", "1"}),
      TextForm("Bit9", "bit(9)", {"000000000", "111111111", "101010101"}),
      TextForm("Varbit", "bit varying",
               {"", "0", "1", "10101010", "101010101", "0000000000000000000000001"}),
      TextForm("PgLsn", "pg_lsn", {"0/0", "16/B374D848", "FFFFFFFF/FFFFFFFF"}),
      TextForm("PgSnapshot", "pg_snapshot", {"10:20:10,14,15", "1:1:"}),
      TextForm("TxidSnapshot", "txid_snapshot", {"10:20:10,14,15", "1:1:"}),
  };
}

std::vector<TypeCase> GeometricCases() {
  return {
      TextForm(
          "Point", "point",
          {"(0,0)", "(-0,1.5)", "(1e300,-1e-300)", "(NaN,Infinity)", "(0.1,0.30000000000000004)",
           "(1e15,1e16)", "(5e-324,1.7976931348623157e308)", "(123456789,0.0001)"}),
      TextForm("Line", "line", {"{1,2,3}", "{0,-1,0.5}", "{1e20,1,-0.1}"}),
      TextForm("Lseg", "lseg", {"[(0,0),(1,1)]", "[(-1.5,2),(3e10,4)]"}),
      TextForm("Box", "box", {"(1,1),(0,0)", "(0,0),(2.5,-3)"}),
      TextForm("PathOpen", "path", {"[(0,0)]", "[(0,0),(1,1),(2,0.1)]", "((0,0),(1,1),(2,0))"}),
      TextForm("Polygon", "polygon", {"((0,0),(1,1),(2,0))", "((0.1,0.2))"}),
      TextForm("Circle", "circle", {"<(0,0),0>", "<(1.5,-2),3e5>", "<(0,0),Infinity>"}),
  };
}

std::vector<TypeCase> SearchAndCatalogCases() {
  return {
      TextForm("Tsvector", "tsvector",
               {"", "a b c", "'a quoted':1A,2 b:3B,4C", "it''s:16383", "back\\\\slash", "ção:1"}),
      TextForm("Tsquery", "tsquery",
               {"", "a & b", "a | !b", "'quoted word':*AB <-> c", "(a | b) & c <2> d"}),
      TextForm("Jsonpath", "jsonpath", {"$", "$.a[*] ? (@.b > 1)", "strict $.\"x y\""}),
      TextForm("Regclass", "regclass", {"pg_class", "pg_catalog.pg_type", "0"}),
      TextForm("Regtype", "regtype", {"integer", "timestamp with time zone", "text[]"}),
      TextForm("Regproc", "regproc", {"now", "-"}),
      TextForm("Regprocedure", "regprocedure", {"abs(integer)"}),
      TextForm("Regoper", "regoper", {"pg_catalog.||/"}),
      TextForm("Regoperator", "regoperator", {"+(integer,integer)"}),
      TextForm("Regrole", "regrole", {"postgres"}),
      TextForm("Regnamespace", "regnamespace", {"pg_catalog", "public"}),
      TextForm("Regconfig", "regconfig", {"english", "simple"}),
      TextForm("Regdictionary", "regdictionary", {"simple"}),
      TextForm("Regcollation", "regcollation", {"\"C\""}),
      TextForm("Int2vector", "int2vector", {"", "1", "1 2 -3"}),
      TextForm("Oidvector", "oidvector", {"", "1", "1 2 4294967295"}),
      TextForm("Aclitem", "aclitem", {"postgres=arwdDxt/postgres", "=r/postgres"}),
      TextForm("Refcursor", "refcursor", {"", "a cursor"}),
  };
}

std::vector<TypeCase> RangeCases() {
  return {
      TextForm(
          "Int4range", "int4range",
          {"empty", "[1,5)", "[1,5]", "(1,5)", "(,)", "[,5)", "[1,)", "[-2147483648,2147483647)"}),
      TextForm("Int8range", "int8range", {"empty", "[1,9223372036854775807)", "(,0)"}),
      TextForm("Numrange", "numrange", {"empty", "[1.10,2.20]", "(,0.0)", "[0,Infinity)"}),
      TextForm("Daterange", "daterange",
               {"empty", "[2020-01-01,2020-12-31]", "[2020-01-01,infinity]", "(,0044-03-15 BC)"}),
      TextForm("Tsrange", "tsrange",
               {"empty", "[2020-01-01 10:00,2020-01-01 11:00:00.5)", "[-infinity,infinity]"}),
      TextForm(
          "Tstzrange", "tstzrange",
          {"empty", "[2020-01-01 11:00:00.5+05:30,2020-01-01 10:00-03)", "(,294276-12-31+00]"}),
      TextForm("Int4multirange", "int4multirange",
               {"{}", "{[1,3),[5,8)}", "{(,)}", "{[1,2],[3,4]}"}),
      TextForm("Int8multirange", "int8multirange", {"{}", "{[1,3),[50000000000,)}"}),
      TextForm("Nummultirange", "nummultirange", {"{}", "{[1.0,2.50],(3,4)}"}),
      TextForm("Datemultirange", "datemultirange", {"{}", "{[2020-01-01,2020-02-01)}"}),
      TextForm("Tsmultirange", "tsmultirange", {"{}", "{[2020-01-01 10:00,2020-01-01 11:00)}"}),
      TextForm("Tstzmultirange", "tstzmultirange", {"{}", "{[2020-01-01 10:00-03,)}"}),
  };
}

}  // namespace

std::vector<TypeCase> TextFormCases() {
  std::vector<TypeCase> cases = NetworkAndBitCases();
  for (const auto& group : {GeometricCases(), SearchAndCatalogCases(), RangeCases()}) {
    cases.insert(cases.end(), group.begin(), group.end());
  }
  return cases;
}

}  // namespace afluente::test
