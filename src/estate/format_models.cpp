// What the format says of models and data tests.
#include "estate/format_fields.h"

namespace afluente::estate {

Shape DataTestShape() {
  const auto column = [](std::string doc) {
    return Required("column", Scalar(kColumnName), std::move(doc));
  };
  return Object(
      "data_test",
      {Optional("unique", OneOrList(kColumnName),
                "No two rows have the same values in these columns, taken together. Rows with NULL "
                "in one of them are not compared."),
       Optional("not_null", OneOrList(kColumnName), "None of these columns holds NULL."),
       Optional("accepted_values",
                Object("accepted_values",
                       {column("The column."),
                        Required("values", ListOf(Scalar(kText)),
                                 "What it may hold, compared as text; NULL may always be.")}),
                "A column holds nothing but these values."),
       Optional("relationships",
                Object("relationships",
                       {column("The column; NULL may always be."),
                        Required("to", Scalar(kWarehouseTable), "The table that it points to."),
                        Required("field", Scalar(kColumnName), "The column there.")}),
                "Every value stands in a column of another table."),
       Optional("freshness",
                Object("freshness",
                       {column("A column with times or dates."),
                        Required("max_age", Scalar(kDuration), "How old the newest may be.")}),
                "The newest row is not too old; an empty table is."),
       Optional("row_count",
                Object("row_count", {Optional("min", Scalar(kCount), "At least so many rows."),
                                     Optional("max", Scalar(kCount), "At most so many rows.")}),
                "The table has neither too few rows nor too many."),
       Optional("sql", Scalar(kSelect),
                "A SELECT of rows that should not be, in the warehouse's dialect. It may read any "
                "table, and this one by its name, as it would be published."),
       Optional("where", Scalar(kCondition), "Only rows that meet this condition are tested."),
       Optional("severity", WordsOf<Severity>("severity"), "What a failure means.", "error")},
      {"unique", "not_null", "accepted_values", "relationships", "freshness", "row_count", "sql"});
}

namespace {

Shape MakeModelShape() {
  return Object(
      "model",
      WithJobKeys(
          {Optional("model", Scalar(kName), "The model's name as a job, unique in the estate.",
                    "the table's name, with - for _"),
           Optional("description", Scalar(kText),
                    "What the table is for, in a sentence; it becomes the table's comment."),
           Optional("materialize", WordsOf<Materialize>("materialize"),
                    "How the result stands in the warehouse.", "table"),
           Optional("key", OneOrList(kColumnName),
                    "materialize: incremental: columns that identify a row. What the result has "
                    "replaces the rows with the same key."),
           Optional(
               "partition", Scalar(kColumnName),
               "materialize: incremental: a column of the result. Partitions that the result has "
               "are replaced as a whole."),
           Optional(
               "where_new", Scalar(kCondition),
               "materialize: incremental: a condition on columns of the result that a run after "
               "the first adds, such as `sent_on >= {{ interval.start }}`."),
           Optional("trigger", TriggerShape(), "When it runs."),
           Optional("after", ListOf(Scalar(kName)),
                    "Jobs that run before it, beside those that make the tables its SQL reads."),
           Optional("tests", ListOf(DataTestShape()),
                    "What must hold before the result is published.")},
          true));
}

}  // namespace

const Shape& ModelShape() {
  static const Shape kShape = MakeModelShape();
  return kShape;
}

}  // namespace afluente::estate
