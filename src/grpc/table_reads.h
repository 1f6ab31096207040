// BigQuery's tables, read by the Storage Read API.
#pragma once

#include <memory>

#include "connectors/google/grpc.h"

namespace afluente::grpc_api {

std::unique_ptr<bigquery::TableReads> OpenTableReads(google::Endpoint endpoint);

}  // namespace afluente::grpc_api
