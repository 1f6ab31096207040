#include "estate/test_rule_case.h"

namespace afluente::estate {
namespace {

class ColumnRuleTest : public testing::TestWithParam<RuleCase> {};

TEST_P(ColumnRuleTest, FindsExactlyThis) { ExpectExactly(GetParam()); }

const auto kName = [](const auto& row) { return row.param.name; };

INSTANTIATE_TEST_SUITE_P(
    Columns, ColumnRuleTest,
    testing::Values(
        RuleCase{"IncludeAndExclude",
                 {{"columns", "{ a: { include: true, exclude: true }, id: { include: true } }"}},
                 "columns.a is both included and excluded"},
        RuleCase{"MaskOfExcluded",
                 {{"columns", "{ a: { exclude: true, mask: redact } }"}},
                 "columns.a.mask has no effect, because the column is excluded"},
        RuleCase{"RenameOfNotIncluded",
                 {{"columns", "{ id: { include: true }, a: { rename: b } }"}},
                 "columns.a.rename has no effect, because other columns say include: add "
                 "\"include: true\""},
        RuleCase{"TwoRenames",
                 {{"columns", "{ a: { rename: c }, b: { rename: C } }"}},
                 "columns.b.rename: column \"a\" already becomes \"C\""},
        RuleCase{"RenameOntoAnother",
                 {{"columns", "{ a: { rename: b }, b: { pii: name } }"}},
                 "columns.a.rename: column \"b\" already becomes \"b\""},
        RuleCase{
            "RenameOntoExcluded", {{"columns", "{ a: { rename: b }, b: { exclude: true } }"}}, ""},
        RuleCase{
            "ExcludedCursor",
            {{"mode", "incremental"}, {"cursor", "[at]"}, {"columns", "{ at: { exclude: true } }"}},
            "cursor: column \"at\" is excluded"},
        RuleCase{
            "NotIncludedCursor",
            {{"mode", "incremental"}, {"cursor", "[at]"}, {"columns", "{ id: { include: true } }"}},
            "cursor: column \"at\" is not included"},
        RuleCase{
            "MaskedCursor",
            {{"mode", "incremental"}, {"cursor", "[at]"}, {"columns", "{ at: { mask: hash } }"}},
            "cursor: column \"at\" is masked"},
        RuleCase{
            "CursorByNewName",
            {{"mode", "incremental"}, {"cursor", "[at]"}, {"columns", "{ t: { rename: at } }"}},
            "cursor: \"at\" is the new name of column \"t\": write \"t\""},
        RuleCase{"RedactedKey",
                 {{"columns", "{ id: { mask: redact } }"}},
                 "columns.id.mask: redact makes different rows equal, but the column is a key"},
        RuleCase{"LastFourOfRenamedKey",
                 {{"columns", "{ phone: { mask: last4, rename: id } }"}},
                 "columns.phone.mask: last4 makes different rows equal"},
        RuleCase{"HashedKey", {{"columns", "{ id: { mask: hash } }"}}, ""},
        RuleCase{"ExcludedKey",
                 {{"columns", "{ id: { exclude: true } }"}},
                 "destination.key: column \"id\" is excluded"},
        RuleCase{"NotIncludedKey",
                 {{"columns", "{ a: { include: true } }"}},
                 "destination.key: column \"id\" is not included: add \"include: true\" to "
                 "columns.id"},
        RuleCase{"KeyByOldName",
                 {{"columns", "{ id: { rename: uid } }"}},
                 "destination.key: column \"id\" is named \"uid\" in the destination: write that"},
        RuleCase{
            "TransformMakesTheKey",
            {{"columns", "{ id: { rename: uid } }"}, {"transform", "select uid as id from batch"}},
            ""},
        RuleCase{"UnknownPii",
                 {{"columns", "{ a: { pii: fone } }"}},
                 "columns.a.pii: expected one of phone, name"},
        RuleCase{"UnknownMask",
                 {{"columns", "{ a: { mask: hsh } }"}},
                 "columns.a.mask: expected one of hash, redact, last4, null, not \"hsh\" (did you "
                 "mean \"hash\"?)"},
        RuleCase{"MaskNull", {{"columns", "{ a: { mask: null } }"}}, ""},
        RuleCase{"UnknownType",
                 {{"columns", "{ a: { type: bigin } }"}},
                 "no such type (did you mean \"bigint\"?)"},
        RuleCase{"NestedType", {{"columns", "{ a: { type: 'struct(a int, b text[])' } }"}}, ""}),
    kName);

}  // namespace
}  // namespace afluente::estate
