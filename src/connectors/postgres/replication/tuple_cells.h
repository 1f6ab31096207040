// The cells of changed rows: keys out of them, and values that an update did not send.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "connectors/postgres/replication/pgoutput.h"

namespace afluente::postgres {

/// The cells of a key, one after another: equal keys have equal bytes.
void EncodeKey(const std::vector<TupleCell>& cells, const std::vector<std::size_t>& columns,
               std::string& key);
/// The inverse: one cell a key column.
void DecodeKey(std::string_view key, std::vector<TupleCell>& cells);

/// The bytes that a TupleView of these cells has.
void EncodeTuple(const std::vector<TupleCell>& cells, std::string& out);

/// Takes what `cells` lacks from the columns of `from`, which may not exist.
/// True when nothing lacks any more. `scratch` holds the cells of `from`.
bool FillUnchanged(const TupleView& from, std::vector<TupleCell>& cells,
                   std::vector<TupleCell>& scratch);

/// Which row a change means, and what it looks like then. Its buffers are used
/// again, so that a change allocates nothing; views point into the message.
struct ChangedRow {
  std::vector<TupleCell> cells;  // Of the new row; of a delete: of the old one.
  std::string key;               // EncodeKey's form.
  std::string old_key;           // Of an update: where the row stood before.
  bool lacks_values = false;     // An update did not send all of them.
  std::vector<TupleCell> scratch;
};

/// Errors: kSchemaMismatch for an update or delete that does not say which row
/// it means; kInternal for a tuple without its key. No `key_columns`: inserts
/// have the key "", the others fail.
Status ReadInsert(const Message& insert, const std::vector<std::size_t>& key_columns,
                  ChangedRow& row);
Status ReadUpdate(const Message& update, const std::vector<std::size_t>& key_columns,
                  ChangedRow& row);
Status ReadDelete(const Message& deletion, const std::vector<std::size_t>& key_columns,
                  ChangedRow& row);

}  // namespace afluente::postgres
