-- Text search without extensions: an index on grams, each one or two adjacent characters.
--
-- A gram is a hash that is seeded with the account's id: one index serves all accounts, and a search in one
-- reads no rows of others. `shortest` is 1 for stored text and, for a search term, 2 unless it is a single
-- character: longer grams are in fewer rows. Both are case-folded before. A loop takes half the time of a
-- SELECT, which PostgreSQL starts anew for each text.
CREATE FUNCTION search_grams(account_id uuid, value text, shortest integer) RETURNS bigint[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    seed CONSTANT bigint := uuid_hash_extended(account_id, 0);
    letters CONSTANT integer := length(value);
    grams bigint[];
BEGIN
    FOR size IN shortest .. 2 LOOP
        FOR start IN 1 .. letters - size + 1 LOOP
            grams := grams || hashtextextended(substr(value, start, size) COLLATE "C", seed);
        END LOOP;
    END LOOP;
    RETURN grams;
END
$$;
