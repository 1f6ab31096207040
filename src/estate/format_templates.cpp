// What the format says of templates and of what they make.
#include "estate/format_fields.h"

namespace afluente::estate {
namespace {

Shape TemplateParameterShape() {
  Shape types = WordsOf<ParameterType>("template_parameter_type");
  types.words.push_back({"list", "a list of texts"});
  types.words.push_back({"map", "a map of texts"});
  return Object("template_parameter",
                {Required("type", std::move(types), "What it may be."),
                 Optional("default", Any("value"), "Without one, every use must say it."),
                 Optional("description", Scalar(kText), "What it is for.")});
}

}  // namespace

const Shape& TemplateShape() {
  static const Shape kShape =
      Object("template",
             {Required("template", Scalar(kName), "The template's name, unique in the estate."),
              Optional("description", Scalar(kText), "What it is for, in a sentence."),
              Optional("parameters", MapOf(kParameterName, TemplateParameterShape()),
                       "What each use says under `with`; `{{ with.NAME }}` in the body."),
              Optional("integration", Any("integration"),
                       "An integration, as in a file of integrations/."),
              Optional("dag", Any("DAG"), "A DAG, as in a file of dags/.")},
             {"integration", "dag"});
  return kShape;
}

const Shape& InstanceShape() {
  static const Shape kShape = Object(
      "instance", {Required("use", Scalar(kName), "The template."),
                   Optional("with", MapOf(kParameterName, Any("value")), "Its parameters.")});
  return kShape;
}

}  // namespace afluente::estate
