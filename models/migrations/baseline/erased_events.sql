-- An event without what tells of a person, computed without writing: its texts, its commitments and its hash.

-- The hash of an event, as audit_append() computes it, and with inline expressions too, which take a tenth of the
-- time of function calls.
CREATE FUNCTION audit_event_hash(event audit_events) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT sha256(event.previous_hash || convert_to(concat(
        '1:2,',
        coalesce('36:' || event.account_id || ',', '-,'),
        coalesce(octet_length(event.sequence::text) || ':' || event.sequence::text || ',', '-,'),
        coalesce('36:' || event.id || ',', '-,'),
        '27:' || to_char(event.occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') || ',',
        coalesce(octet_length(event.action) || ':' || event.action || ',', '-,'),
        coalesce(octet_length(event.outcome) || ':' || event.outcome || ',', '-,'),
        coalesce('64:' || coalesce(event.commitments->>'summary', encode(sha256(
            coalesce(decode(event.field_salts->>'summary', 'hex'), sha256(event.salt || 'summary'))
            || convert_to(event.summary, 'UTF8')
        ), 'hex')) || ',', '-,'),
        coalesce(octet_length(event.actor_kind) || ':' || event.actor_kind || ',', '-,'),
        coalesce('36:' || event.actor_member_id || ',', '-,'),
        coalesce('64:' || coalesce(event.commitments->>'actorName', encode(sha256(
            coalesce(decode(event.field_salts->>'actorName', 'hex'), sha256(event.salt || 'actorName'))
            || convert_to(event.actor_name, 'UTF8')
        ), 'hex')) || ',', '-,'),
        coalesce(octet_length(event.credential_kind) || ':' || event.credential_kind || ',', '-,'),
        coalesce('36:' || event.credential_id || ',', '-,'),
        coalesce('64:' || coalesce(event.commitments->>'credentialLabel', encode(sha256(
            coalesce(decode(event.field_salts->>'credentialLabel', 'hex'), sha256(event.salt || 'credentialLabel'))
            || convert_to(event.credential_label, 'UTF8')
        ), 'hex')) || ',', '-,'),
        coalesce(octet_length(event.target_type) || ':' || event.target_type || ',', '-,'),
        coalesce('36:' || event.target_id || ',', '-,'),
        coalesce('64:' || coalesce(event.commitments->>'targetName', encode(sha256(
            coalesce(decode(event.field_salts->>'targetName', 'hex'), sha256(event.salt || 'targetName'))
            || convert_to(event.target_name, 'UTF8')
        ), 'hex')) || ',', '-,'),
        coalesce('64:' || coalesce(event.commitments->>'ip', encode(sha256(
            coalesce(decode(event.field_salts->>'ip', 'hex'), sha256(event.salt || 'ip'))
            || convert_to(event.ip, 'UTF8')
        ), 'hex')) || ',', '-,'),
        coalesce('64:' || coalesce(event.commitments->>'userAgent', encode(sha256(
            coalesce(decode(event.field_salts->>'userAgent', 'hex'), sha256(event.salt || 'userAgent'))
            || convert_to(event.user_agent, 'UTF8')
        ), 'hex')) || ',', '-,'),
        coalesce(octet_length(event.request_id) || ':' || event.request_id || ',', '-,'),
        CASE WHEN event.personal_details IS NULL THEN '-,' ELSE audit_field(audit_personal_details(
            event.salt, event.field_salts, event.commitments, event.personal_details
        )) END,
        coalesce(octet_length(event.details::text) || ':' || event.details::text || ',', '-,')
    ), 'UTF8'))
$$;

-- Replaces each occurrence of the words that is not part of a longer word.
CREATE FUNCTION audit_replace_words(value text, words text, other text) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    rest text := value;
    done text := '';
    place integer;
    ends integer;
BEGIN
    IF words = '' THEN
        RETURN value;
    END IF;
    LOOP
        place := strpos(rest, words);
        EXIT WHEN place = 0;
        ends := place + length(words);
        IF right(done || left(rest, place - 1), 1) ~ '[[:alnum:]]' OR substr(rest, ends, 1) ~ '[[:alnum:]]' THEN
            done := done || left(rest, place);
            rest := substr(rest, place + 1);
        ELSE
            done := done || left(rest, place - 1) || other;
            rest := substr(rest, ends);
        END IF;
    END LOOP;
    RETURN done || rest;
END
$$;

-- The sentence of an event without the erased names. It begins with the actor's name. Names of other persons are
-- kept. The longest come first, because one name may be part of another, and each is replaced by a character of its
-- own until all are found.
CREATE FUNCTION audit_erased_summary(
    summary text, actor_name text, is_actor boolean, erased text[], kept text[]
) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    begins text := '';
    rest text := summary;
    names text[];
BEGIN
    IF starts_with(rest, actor_name) THEN
        begins := CASE WHEN is_actor THEN 'Erased person' ELSE actor_name END;
        rest := substr(rest, length(actor_name) + 1);
    END IF;
    names := ARRAY(
        SELECT name FROM (SELECT DISTINCT unnest(erased || kept) AS name) AS each
        WHERE name = ANY (erased) OR length(name) > 1
        ORDER BY length(name) DESC, name LIMIT 1000
    );
    FOR place IN 1 .. cardinality(names) LOOP
        rest := audit_replace_words(rest, names[place], chr(983040 + place));
    END LOOP;
    FOR place IN 1 .. cardinality(names) LOOP
        rest := replace(
            rest, chr(983040 + place),
            CASE WHEN names[place] = ANY (erased) THEN 'Erased person' ELSE names[place] END
        );
    END LOOP;
    RETURN begins || rest;
END
$$;

-- A value of personal details without what is at the given places: see audit_erased_details().
CREATE FUNCTION audit_erased_value(value json, place text, places text[]) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF place = ANY (places) THEN
        RETURN '"Erased person"';
    ELSIF json_typeof(value) <> 'array' THEN
        RETURN value::text;
    END IF;
    RETURN (
        SELECT '[' || coalesce(string_agg(
            audit_erased_value(item, format('%s.%s', place, index - 1), places), ',' ORDER BY index
        ), '') || ']'
        FROM json_array_elements(value) WITH ORDINALITY AS items (item, index)
    );
END
$$;

-- Personal details without the values at the given places, such as `details.email`, `details.holder.0` or, in a list
-- of lists, `details.addressLines.0.1`.
CREATE FUNCTION audit_erased_details(personal_details json, places text[]) RETURNS json
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ('{' || string_agg(
        to_json(key) || ':' || audit_erased_value(value, 'details.' || key, places), ',' ORDER BY key COLLATE "C"
    ) || '}')::json
    FROM json_each(personal_details)
$$;

-- The texts of personal details with their places, also those in lists of lists.
CREATE FUNCTION audit_details_texts(personal_details json) RETURNS TABLE (place text, value text)
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    WITH RECURSIVE details (place, value) AS (
        SELECT 'details.' || key, value FROM json_each(personal_details)
        UNION ALL
        SELECT format('%s.%s', place, index - 1), item
        FROM details CROSS JOIN json_array_elements(CASE json_typeof(value) WHEN 'array' THEN value ELSE '[]' END)
            WITH ORDINALITY AS items (item, index)
    )
    SELECT place, value #>> '{}' FROM details WHERE json_typeof(value) = 'string'
$$;

-- The places in personal details, and the target's name, that tell of a person.
CREATE FUNCTION audit_places_in_details(
    event audit_events, is_actor boolean, is_target boolean, named uuid[], names text[]
) RETURNS text[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT ARRAY(
        SELECT field FROM unnest(event.named_ids, event.named_fields) AS place (id, field) WHERE id = ANY (named)
        UNION
        SELECT 'details.' || key FROM json_object_keys(event.personal_details) AS key
        -- What the actor has typed.
        WHERE (is_actor AND key IN ('input', 'auditFilter'))
            OR (is_target AND NOT EXISTS (
                SELECT FROM unnest(event.named_ids, event.named_fields) AS place (id, field)
                WHERE id <> ALL (named) AND (field = 'details.' || key OR starts_with(field, 'details.' || key || '.'))
            ))
        UNION
        SELECT place FROM audit_details_texts(event.personal_details)
        WHERE event.action = 'BILLING_DETAILS_CHANGED' AND value = ANY (names)
    )
$$;

-- The event without what tells of a person: the person is the actor, or the target, or is named in the places.
-- Of the details of an event about a target, everything is erased but the names of others.
CREATE FUNCTION audit_without_person(
    event audit_events, is_actor boolean, is_target boolean, named uuid[], names text[]
) RETURNS audit_events
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    places text[];
    erased_texts text[] := '{}';
    kept_texts text[] := '{}';
    result audit_events;
BEGIN
    places := CASE WHEN is_actor THEN ARRAY['actorName', 'credentialLabel', 'ip', 'userAgent'] ELSE '{}' END
        || CASE WHEN is_target THEN '{targetName}'::text[] ELSE '{}' END;
    -- Most events are calls of API keys and have neither.
    IF event.named_ids IS NOT NULL OR event.personal_details IS NOT NULL THEN
        places := places || audit_places_in_details(event, is_actor, is_target, named, names);
    END IF;
    IF places = '{}' THEN
        RETURN event;
    END IF;
    IF 'targetName' = ANY (places) THEN
        erased_texts := array_append(erased_texts, event.target_name);
    ELSE
        kept_texts := array_append(kept_texts, event.target_name);
    END IF;
    IF NOT is_actor THEN
        kept_texts := array_append(kept_texts, event.actor_name);
    END IF;
    IF event.personal_details IS NOT NULL THEN
        kept_texts := kept_texts || ARRAY(SELECT value FROM audit_details_texts(event.personal_details));
        erased_texts := erased_texts || ARRAY(
            SELECT value FROM audit_details_texts(event.personal_details)
            WHERE place = ANY (places) OR regexp_replace(place, '(\.\d+)+$', '') = ANY (places)
        );
    END IF;
    result := audit_withhold(event, ARRAY(
        SELECT CASE WHEN place LIKE 'details.%' THEN regexp_replace(place, '(\.\d+)+$', '') ELSE place END
        FROM unnest(places || 'summary'::text) AS place
    ));
    result.summary := audit_erased_summary(
        event.summary, event.actor_name, is_actor, array_remove(erased_texts, NULL), array_remove(kept_texts, NULL)
    );
    IF event.personal_details IS NOT NULL THEN
        result.personal_details := audit_erased_details(event.personal_details, places);
    END IF;
    IF is_actor THEN
        result.actor_name := 'Erased person';
        result.credential_label := CASE WHEN event.credential_label IS NOT NULL THEN 'Erased person' END;
        result.ip := NULL;
        result.user_agent := NULL;
    END IF;
    IF 'targetName' = ANY (places) AND event.target_name IS NOT NULL THEN
        result.target_name := 'Erased person';
    END IF;
    IF event.named_ids IS NOT NULL THEN
        SELECT array_agg(id), array_agg(field) INTO result.named_ids, result.named_fields
        FROM unnest(event.named_ids, event.named_fields) AS place (id, field) WHERE id <> ALL (named);
    END IF;
    RETURN result;
END
$$;
