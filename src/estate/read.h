// From checked YAML to the typed estate.
#pragma once

#include <deque>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "estate/estate.h"
#include "estate/yaml.h"

namespace afluente::estate {

/// One integration with the YAML it was read from, where the rules find marks
/// and what the file really says.
struct IntegrationDoc {
  Integration integration;
  const YamlNode* node = nullptr;
};

/// One model; `node` is nullptr without a YAML file.
struct ModelDoc {
  Model model;
  const YamlNode* node = nullptr;
};

struct DagDoc {
  Dag dag;
  const YamlNode* node = nullptr;
};

/// Everything that was read. Move-only in effect: docs point into files.
struct EstateDocs {
  std::optional<YamlNode> root;  // estate.yaml, with the chosen profile merged in.
  std::deque<YamlNode> files;    // All others, templates put in.
  std::vector<IntegrationDoc> integrations;
  std::vector<ModelDoc> models;
  std::vector<DagDoc> dags;
  Estate estate;  // Without integrations, models and DAGs.
};

/// Reads what is sound in the nodes; the rest keeps its defaults.
Estate ReadEstate(const YamlNode& root);
Integration ReadIntegration(const YamlNode& node, const Estate& estate);
Dag ReadDag(const YamlNode& node, const Estate& estate);
/// Into `model`, whose table and SQL are known.
void ReadModelKeys(const YamlNode& node, const Estate& estate, Model& model);

}  // namespace afluente::estate
