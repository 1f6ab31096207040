#include "comparison/compare.h"

#include "base/names.h"
#include "connectors/registry.h"
#include "estate/secrets.h"

namespace afluente::comparison {
namespace {

std::string DestinationSql(const estate::Integration& integration) {
  const estate::Destination& destination = integration.destination;
  if (destination.lake) return "lake." + QuoteIdentifier(destination.lake->ToString());
  return QuoteIdentifier(destination.table->project) + "." +
         QuoteIdentifier(destination.table->dataset) + "." +
         QuoteIdentifier(destination.table->table);
}

Result<Reconciliation> Compare(const estate::Estate& estate, const estate::Integration& integration,
                               duckdb_connection connection) {
  if (!integration.destination.table && !integration.destination.lake) {
    return Error(ErrorKind::kInvalidConfig, "reconcile compares with the warehouse or the lake");
  }
  AFL_ASSIGN(const auto endpoint,
             connectors::ResolveEndpoint(estate, integration.source.connection));
  std::string salt;
  for (const auto& [name, rule] : integration.columns) {
    if (rule.mask != estate::Mask::kHash || !salt.empty()) continue;
    AFL_ASSIGN(salt, estate::ResolveSecrets(estate.mask_salt, estate.folder));
  }
  return Reconcile(endpoint, integration, salt, DestinationSql(integration), connection);
}

}  // namespace

Result<Reconciliation> CompareWithSource(const estate::Estate& estate,
                                         const estate::Integration& integration,
                                         duckdb_connection connection) {
  return Compare(estate, integration, connection).Within([&] { return integration.name; });
}

}  // namespace afluente::comparison
