-- Search for a text in the audit log.

-- Beginning of the entries of an account in the index, 24 bits of its id's hash in four letters: a search in one reads
-- nothing of nearly all others. Two more letters would make each entry eight bytes longer.
CREATE FUNCTION audit_search_prefix(account_id uuid) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN encode(substr(int8send(uuid_hash_extended(account_id, 0)), 6), 'base64');

-- The entries of an event in the index: each three letters that stand together in its summary, and each one and two
-- as well if it has other letters than those of ASCII, since words of other scripts can be as short. More entries, which
-- are marked, say who acted and in which parts of the log the event is, of 1,024 events, 8,192 and so on, so that a
-- search can begin with the newest ones: such an index has no order. `value` is folded.
-- audit_search_prefix() is repeated: an index is built without the schema that it is in. The entries are listed by a
-- loop, in a third of the time that a SELECT takes, which PostgreSQL plans anew for each event; and eight at a time of a
-- long ASCII text, in half of the time. The last eight may repeat some before them.
CREATE FUNCTION audit_search_entries(account_id uuid, sequence bigint, actor_member_id uuid, value text)
RETURNS tsvector LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE COST 10000 AS $$
DECLARE
    prefix CONSTANT text := encode(substr(int8send(uuid_hash_extended(account_id, 0)), 6), 'base64');
    marked CONSTANT text := prefix || E'\x01';
    letters CONSTANT integer := length(value);
    is_ascii CONSTANT boolean := octet_length(value) = letters;
    part text;
    entries text[] := ARRAY[
        marked || '10 ' || (sequence >> 10), marked || '13 ' || (sequence >> 13),
        marked || '16 ' || (sequence >> 16), marked || '19 ' || (sequence >> 19),
        marked || '22 ' || (sequence >> 22), marked || coalesce(actor_member_id::text, '')
    ];
BEGIN
    IF value IS NULL THEN
        RETURN NULL;
    END IF;
    IF is_ascii AND letters >= 10 THEN
        FOR place IN 1 .. letters - 2 BY 8 LOOP
            part := substr(value, least(place, letters - 9), 10);
            entries := entries || ARRAY[
                prefix || substr(part, 1, 3), prefix || substr(part, 2, 3), prefix || substr(part, 3, 3),
                prefix || substr(part, 4, 3), prefix || substr(part, 5, 3), prefix || substr(part, 6, 3),
                prefix || substr(part, 7, 3), prefix || substr(part, 8, 3)
            ];
        END LOOP;
        RETURN array_to_tsvector(entries);
    END IF;
    FOR size IN CASE WHEN is_ascii THEN 3 ELSE 1 END .. 3 LOOP
        FOR place IN 1 .. letters - size + 1 LOOP
            entries := entries || (prefix || substr(value, place, size));
        END LOOP;
    END LOOP;
    RETURN array_to_tsvector(entries);
END
$$;

-- An entry in a tsquery.
CREATE FUNCTION audit_search_quoted(entry text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN '''' || replace(replace(entry, '\', '\\'), '''', '''''') || '''';

-- The query for events whose summary has all letters of a text in groups of three, among few others. At most three
-- groups are looked for, because each takes time, and a frequent one most: those that are rarest in `sample`, some
-- other summaries. `value` and `sample` are folded.
CREATE FUNCTION audit_search_query(account_id uuid, actor_member_id uuid, value text, sample text)
RETURNS tsquery LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    prefix CONSTANT text := audit_search_prefix(account_id);
    last CONSTANT integer := greatest(length(value) - 2, 1);
    wanted text;
BEGIN
    SELECT string_agg(audit_search_quoted(prefix || letters), ' & ') INTO wanted
    FROM (
        SELECT letters
        FROM (
            SELECT DISTINCT substr(value, least(place, last), 3) AS letters
            FROM generate_series(1, last + last / 24, 1 + last / 24) AS place
        ) AS groups
        ORDER BY length(sample) - length(replace(sample, letters, '')), letters LIMIT 3
    ) AS rarest;
    RETURN (wanted || coalesce(' & ' || audit_search_quoted(prefix || E'\x01' || actor_member_id), ''))::tsquery;
END
$$;

-- The query for events near the one with the sequence `first`: those in its part of the log, of two to the power of
-- `shift` events, and in the parts before and behind it.
CREATE FUNCTION audit_search_window(account_id uuid, first bigint, shift integer)
RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN (
    SELECT string_agg(
        audit_search_quoted(audit_search_prefix(account_id) || E'\x01' || shift || ' ' || part), ' | '
    )
    FROM generate_series((coalesce(first, 0) >> shift) - 1, (coalesce(first, 0) >> shift) + 1) AS part
)::tsquery;
