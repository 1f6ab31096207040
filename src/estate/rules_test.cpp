#include "estate/test_rule_case.h"

namespace afluente::estate {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const auto kName = [](const auto& row) { return row.param.name; };

struct EstateCase {
  std::string name;
  std::string line;  // Stands at the end of the sample estate.
  std::string want;
};

std::ostream& operator<<(std::ostream& out, const EstateCase& row) { return out << row.name; }

class EstateRuleTest : public testing::TestWithParam<EstateCase> {};

TEST_P(EstateRuleTest, FindsExactlyThis) {
  TestEstate files;
  files.Write("estate.yaml", kSampleEstate + GetParam().line + "\n");
  if (GetParam().want.empty()) {
    EXPECT_THAT(files.Findings(), IsEmpty());
  } else {
    EXPECT_THAT(files.Findings(), ElementsAre(HasSubstr(GetParam().want)));
  }
}

// The sample ends inside `connections`.
INSTANTIATE_TEST_SUITE_P(
    Connections, EstateRuleTest,
    testing::Values(
        EstateCase{"Sound", "  x: { type: http, dsn: 'https://api.example.com' }", ""},
        EstateCase{"Type", "  x: { type: postgers, project: coltrane, dsn: h }",
                   "connections.x.type: expected one of postgres, pubsub, http, object_store, not "
                   "\"postgers\" (did you mean \"postgres\"?)"},
        EstateCase{"NoType", "  x: { project: coltrane, dsn: host=h }",
                   "missing key \"type\" in connections.x"},
        EstateCase{"Project", "  x: { type: postgres, project: coltrain, dsn: host=h }",
                   "connections.x.project: no project \"coltrain\" is declared under projects (did "
                   "you mean \"coltrane\"?)"},
        EstateCase{"NoProject", "  x: { type: postgres, dsn: host=h }",
                   "connections.x: type postgres needs the project that owns it"},
        EstateCase{"NoDsn", "  x: { type: postgres, project: coltrane }",
                   "connections.x: type postgres needs a dsn"},
        EstateCase{"TlsOfPubsub", "  x: { type: pubsub, project: coltrane, tls: { cert: a } }",
                   "connections.x.tls is for type postgres: remove it"},
        EstateCase{"Engine", "  x: { type: pubsub, project: coltrane, engine: pubsub }", ""},
        EstateCase{"EngineOfAnotherKind", "  x: { type: pubsub, project: coltrane, engine: kafka }",
                   "connections.x.engine: expected one of inbox, pubsub, not \"kafka\""},
        EstateCase{"EngineOfPostgres",
                   "  x: { type: postgres, project: coltrane, dsn: host=h, engine: pubsub }",
                   "connections.x.engine is for type pubsub: remove it"},
        EstateCase{"RetainedWal",
                   "  x: { type: postgres, project: coltrane, dsn: host=h, max_retained_wal: 10GB, "
                   "drop_slot_above: 50GB }",
                   ""},
        EstateCase{"RetainedWalUnit",
                   "  x: { type: postgres, project: coltrane, dsn: host=h, max_retained_wal: 10G }",
                   "connections.x.max_retained_wal: expected a size such as 512MB or 10GB"},
        EstateCase{"RetainedWalOfPubsub",
                   "  x: { type: pubsub, project: coltrane, max_retained_wal: 1GB }",
                   "connections.x.max_retained_wal is for type postgres: remove it"},
        EstateCase{"DropWithoutWarning",
                   "  x: { type: postgres, project: coltrane, dsn: host=h, drop_slot_above: 1GB }",
                   "connections.x.drop_slot_above needs a max_retained_wal below it"},
        EstateCase{"DropBelowWarning",
                   "  x: { type: postgres, project: coltrane, dsn: host=h, max_retained_wal: 1GB, "
                   "drop_slot_above: 1024MB }",
                   "connections.x.drop_slot_above is not more than max_retained_wal (1 GB)"},
        EstateCase{"TlsMode",
                   "  x: { type: postgres, project: coltrane, dsn: host=h, tls: { mode: on } }",
                   "connections.x.tls.mode: expected one of disable, allow"},
        EstateCase{"PasswordInKeywords",
                   "  x: { type: postgres, project: coltrane, dsn: 'host=h password=hunter2' }",
                   "connections.x.dsn: expected a DSN without a literal password: it spells a "
                   "password out"},
        EstateCase{"PasswordInUrl",
                   "  x: { type: postgres, project: coltrane, dsn: 'postgres://u:hunter2@h/d' }",
                   "it spells a password out"},
        EstateCase{"PasswordByReference",
                   "  x: { type: postgres, project: coltrane, dsn: 'postgres://u:${env:P}@h/d' }",
                   ""},
        EstateCase{"MalformedReference",
                   "  x: { type: postgres, project: coltrane, dsn: '${ENV}' }",
                   "a reference does not say where its secret lies; write ${env:NAME} or "
                   "${file:path}"},
        EstateCase{"NullProjects", "  x:", "connections.x has no value"},
        EstateCase{"Twice", "  app: { type: pubsub, project: coltrane }",
                   "key \"app\" stands twice in connections, first in line 17: remove one"},
        EstateCase{"UnknownKey", "estat: x",
                   "unknown key \"estat\" in estate (did you mean \"estate\"?)"}),
    kName);

struct SecretCase {
  std::string name;
  std::string salt;
  bool sound;
};

TEST(RulesTest, MaskSaltIsAReference) {
  for (const auto& [name, salt, sound] :
       {SecretCase{"Env", "${env:A}", true}, SecretCase{"File", "${file:a/b}", true},
        SecretCase{"Literal", "hunter2", false}, SecretCase{"Mixed", "hunter2${env:A}", false},
        SecretCase{"Malformed", "${env:A", false}, SecretCase{"Unknown", "${vault:A}", false},
        SecretCase{"Empty", "${env:}", false}}) {
    TestEstate files;
    files.Write("estate.yaml", "estate: a\nmask_salt: \"" + salt + "\"\n");
    const std::vector<std::string> findings = files.Findings();
    if (sound) {
      EXPECT_THAT(findings, IsEmpty()) << name;
    } else {
      ASSERT_THAT(findings, ElementsAre(HasSubstr("estate.yaml:2:12: mask_salt: expected")))
          << name;
      EXPECT_THAT(findings[0], testing::Not(HasSubstr("hunter2")));
    }
  }
}

TEST(RulesTest, HashNeedsASalt) {
  TestEstate files;
  files.Write("estate.yaml",
              "estate: a\nprojects: { p: {} }\n"
              "connections: { c: { type: postgres, project: p, dsn: host=h } }\n");
  files.Write("integrations/a.yaml",
              "integration: a\nmode: snapshot\nsource: { connection: c, table: a.b }\n"
              "destination: { table: p.d.t }\ncolumns: { u: { mask: hash }, v: { mask: hash } }\n");
  EXPECT_THAT(files.Findings(),
              ElementsAre(HasSubstr("integrations/a.yaml:5:23: columns.u.mask: hash needs a secret "
                                    "key: add \"mask_salt: ${env:MASK_SALT}\"")));
}

TEST(RulesTest, ACircleNeedsAnOrigin) {
  const auto findings = [](const std::string& origin) {
    TestEstate files;
    files.Write("estate.yaml",
                "estate: a\nprojects: { p: {} }\n"
                "connections: { c: { type: postgres, project: p, dsn: host=h } }\n");
    files.Write("integrations/a.yaml",
                "integration: there\nmode: cdc\nsource: { connection: c, table: a.b" + origin +
                    " }\ndestination: { table: p.d.t }\n");
    files.Write("integrations/b.yaml",
                "integration: back\nmode: snapshot\nsource: { warehouse_table: p.d.t }\n"
                "destination: { connection: c, table: a.b, key: [id] }\n");
    return files.Findings();
  };
  EXPECT_THAT(findings(""), ElementsAre(HasSubstr("integrations/a.yaml:3:9: integration \"back\" "
                                                  "writes back into this table")));
  EXPECT_THAT(findings(", origin: none"), testing::IsEmpty());
}

TEST(RulesTest, NamesAndDestinationsAreUniqueAcrossFiles) {
  TestEstate files;
  files.Write("integrations/a.yaml", IntegrationText({}));
  files.Write("integrations/b.yaml", "- " + std::string("integration: x\n") +
                                         "  source: { connection: app, table: app.t }\n"
                                         "  destination: { lake: coltrane/raw/t }\n"
                                         "  mode: snapshot\n"
                                         "- integration: z\n"
                                         "  source: { connection: app, table: app.t }\n"
                                         "  destination: { table: coltrane.d.t }\n"
                                         "  mode: snapshot\n");
  EXPECT_THAT(
      files.Findings(),
      ElementsAre("integrations/b.yaml:1:16: the name \"x\" is taken by integration \"x\" ("
                  "integrations/a.yaml:1:14): give one of the two another name",
                  "integrations/b.yaml:7:16: coltrane.d.t is already written by integration \"x\" "
                  "(integrations/a.yaml:3:14): give each its own destination"));
}

TEST(RulesTest, BigqueryNeedsALocation) {
  TestEstate files;
  files.Write("estate.yaml", "estate: a\nwarehouse: { engine: bigquery }\n");
  EXPECT_THAT(files.Findings(),
              ElementsAre(HasSubstr("estate.yaml:2:22: warehouse: engine bigquery needs a "
                                    "location")));
}

TEST(RulesTest, ProfilesOverrideOnlyWhatIsDeclared) {
  TestEstate files;
  files.Write("estate.yaml",
              std::string(kSampleEstate) + "  x: { type: http, dsn: 'https://a' }\n");
  EXPECT_THAT(files.Findings("gcp"), IsEmpty());
  std::string text = kSampleEstate;
  const std::string old = "  gcp: {";
  text.replace(text.find(old), old.size(), "  gcp: { connections: { ap: { dsn: host=h } },");
  files.Write("estate.yaml", text);
  for (const std::string profile : {"", "gcp"}) {
    EXPECT_THAT(files.Findings(profile),
                ElementsAre(HasSubstr("profiles.gcp: no connection \"ap\" is declared under "
                                      "connections (did you mean \"app\"?)")));
  }
}

}  // namespace
}  // namespace afluente::estate
