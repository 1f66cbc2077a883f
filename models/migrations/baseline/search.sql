-- Text search without extensions: an index on grams, each one or two adjacent characters.
--
-- A gram is a hash that is seeded with the account's id: one index serves all accounts, and a search in one
-- reads no rows of others. `shortest` is 1 for stored text and, for a search term, 2 unless it is a single
-- character: longer grams are in fewer rows. Both are case-folded before.
CREATE FUNCTION search_grams(account_id uuid, value text, shortest integer) RETURNS bigint[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT array_agg(
        hashtextextended(substr(value, start, size) COLLATE "C", uuid_hash_extended(account_id, 0))
    )
    FROM generate_series(shortest, 2) AS size, generate_series(1, length(value) - size + 1) AS start
);
