SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET transaction_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;
CREATE SCHEMA dbos;
CREATE FUNCTION dbos.enqueue_workflow(workflow_name text, queue_name text, positional_args json[] DEFAULT ARRAY[]::json[], named_args json DEFAULT '{}'::json, class_name text DEFAULT NULL::text, config_name text DEFAULT NULL::text, workflow_id text DEFAULT NULL::text, app_version text DEFAULT NULL::text, timeout_ms bigint DEFAULT NULL::bigint, deadline_epoch_ms bigint DEFAULT NULL::bigint, deduplication_id text DEFAULT NULL::text, priority integer DEFAULT NULL::integer, queue_partition_key text DEFAULT NULL::text, authenticated_user text DEFAULT NULL::text, authenticated_roles text DEFAULT NULL::text, delay_until_epoch_ms bigint DEFAULT NULL::bigint, application_name text DEFAULT NULL::text) RETURNS text
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_workflow_id TEXT;
    v_serialized_inputs TEXT;
    v_owner_xid TEXT;
    v_now BIGINT;
    v_recovery_attempts INT4 := 0;
    v_priority INT4;
    v_status TEXT;
BEGIN
    -- Validate required parameters
    IF workflow_name IS NULL OR workflow_name = '' THEN
        RAISE EXCEPTION 'Workflow name cannot be null or empty';
    END IF;
    IF queue_name IS NULL OR queue_name = '' THEN
        RAISE EXCEPTION 'Queue name cannot be null or empty';
    END IF;
    IF named_args IS NOT NULL AND jsonb_typeof(named_args::jsonb) != 'object' THEN
        RAISE EXCEPTION 'Named args must be a JSON object';
    END IF;
    IF workflow_id IS NOT NULL AND workflow_id = '' THEN
        RAISE EXCEPTION 'Workflow ID cannot be an empty string if provided.';
    END IF;
    IF delay_until_epoch_ms IS NOT NULL AND delay_until_epoch_ms < 0 THEN
        RAISE EXCEPTION 'delay_until_epoch_ms must be >= 0';
    END IF;
    v_workflow_id := COALESCE(workflow_id, gen_random_uuid()::TEXT);
    v_owner_xid := gen_random_uuid()::TEXT;
    v_priority := COALESCE(priority, 0);
    v_serialized_inputs := json_build_object(
        'positionalArgs', positional_args,
        'namedArgs', named_args
    )::TEXT;
    v_now := EXTRACT(epoch FROM now()) * 1000;
    v_status := CASE WHEN delay_until_epoch_ms IS NULL THEN 'ENQUEUED' ELSE 'DELAYED' END;
    INSERT INTO "dbos".workflow_status (
        workflow_uuid, status,
        name, class_name, config_name,
        queue_name, deduplication_id, priority, queue_partition_key,
        application_version,
        created_at, updated_at, recovery_attempts,
        workflow_timeout_ms, workflow_deadline_epoch_ms,
        parent_workflow_id, owner_xid, serialization,
        authenticated_user, authenticated_roles,
        delay_until_epoch_ms, application_name
    ) VALUES (
        v_workflow_id, v_status,
        workflow_name, class_name, config_name,
        queue_name, deduplication_id, v_priority, queue_partition_key,
        app_version,
        v_now, v_now, v_recovery_attempts,
        timeout_ms, deadline_epoch_ms,
        NULL, v_owner_xid, 'portable_json',
        authenticated_user, authenticated_roles,
        delay_until_epoch_ms, application_name
    )
    ON CONFLICT (workflow_uuid)
    DO UPDATE SET
        updated_at = EXCLUDED.updated_at;
    INSERT INTO "dbos".workflow_input (
        workflow_uuid, inputs, retention_timestamp
    ) VALUES (
        v_workflow_id, v_serialized_inputs, v_now
    )
    ON CONFLICT (workflow_uuid) DO NOTHING;
    RETURN v_workflow_id;
EXCEPTION
    WHEN unique_violation THEN
        RAISE EXCEPTION 'DBOS queue duplicated'
            USING DETAIL = format('Workflow %s with queue %s and deduplication ID %s already exists', v_workflow_id, queue_name, deduplication_id),
                ERRCODE = 'unique_violation';
END;
$$;
CREATE FUNCTION dbos.notifications_function() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    payload text := NEW.destination_uuid || '::' || NEW.topic;
BEGIN
    PERFORM pg_notify('dbos_notifications_channel', payload);
    RETURN NEW;
END;
$$;
CREATE FUNCTION dbos.send_message(destination_id text, message json, topic text DEFAULT NULL::text, message_id text DEFAULT NULL::text) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'pg_catalog', 'pg_temp'
    AS $$
DECLARE
    v_topic TEXT := COALESCE(topic, '__null__topic__');
    v_message_id TEXT := COALESCE(message_id, gen_random_uuid()::TEXT);
BEGIN
    INSERT INTO "dbos".notifications (
        destination_uuid, topic, message, message_uuid, serialization
    ) VALUES (
        destination_id, v_topic, message, v_message_id, 'portable_json'
    )
    ON CONFLICT (message_uuid) DO NOTHING;
EXCEPTION
    WHEN foreign_key_violation THEN
        RAISE EXCEPTION 'DBOS non-existent workflow'
            USING DETAIL = format('Destination workflow %s does not exist', destination_id),
                ERRCODE = 'foreign_key_violation';
END;
$$;
SET default_tablespace = '';
SET default_table_access_method = heap;
CREATE TABLE dbos.application_versions (
    version_id text NOT NULL,
    version_name text NOT NULL,
    version_timestamp bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    created_at bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    application_name text
);
CREATE TABLE dbos.dbos_migrations (
    version bigint NOT NULL
);
CREATE TABLE dbos.event_dispatch_kv (
    service_name text NOT NULL,
    workflow_fn_name text NOT NULL,
    key text NOT NULL,
    value text,
    update_seq numeric(38,0),
    update_time numeric(38,15)
);
CREATE TABLE dbos.notifications (
    message_uuid text DEFAULT gen_random_uuid() NOT NULL,
    destination_uuid text NOT NULL,
    topic text,
    message text NOT NULL,
    created_at_epoch_ms bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    serialization text,
    consumed boolean DEFAULT false NOT NULL,
    consumed_by_function_id integer
);
CREATE TABLE dbos.operation_outputs (
    workflow_uuid text NOT NULL,
    function_id integer NOT NULL,
    function_name text DEFAULT ''::text NOT NULL,
    output text,
    error text,
    child_workflow_id text,
    started_at_epoch_ms bigint,
    completed_at_epoch_ms bigint,
    serialization text,
    application_name text,
    retention_timestamp bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL
);
CREATE TABLE dbos.queues (
    queue_id text DEFAULT (gen_random_uuid())::text NOT NULL,
    name text NOT NULL,
    concurrency integer,
    worker_concurrency integer,
    rate_limit_max integer,
    rate_limit_period_sec double precision,
    priority_enabled boolean DEFAULT false NOT NULL,
    partition_queue boolean DEFAULT false NOT NULL,
    polling_interval_sec double precision DEFAULT 1.0 NOT NULL,
    created_at bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    updated_at bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    application_name text,
    partition_concurrency integer,
    partition_worker_concurrency integer,
    partition_rate_limit_max integer,
    partition_rate_limit_period_sec double precision
);
CREATE TABLE dbos.streams (
    workflow_uuid text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    "offset" integer NOT NULL,
    function_id integer DEFAULT 0 NOT NULL,
    serialization text
);
CREATE TABLE dbos.workflow_events (
    workflow_uuid text NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    serialization text
);
CREATE TABLE dbos.workflow_events_history (
    workflow_uuid text NOT NULL,
    function_id integer NOT NULL,
    key text NOT NULL,
    value text NOT NULL,
    serialization text
);
CREATE TABLE dbos.workflow_input (
    workflow_uuid text NOT NULL,
    inputs text,
    retention_timestamp bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL
);
CREATE TABLE dbos.workflow_output (
    workflow_uuid text NOT NULL,
    output text,
    error text,
    retention_timestamp bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL
);
CREATE TABLE dbos.workflow_schedules (
    schedule_id text NOT NULL,
    schedule_name text NOT NULL,
    workflow_name text NOT NULL,
    workflow_class_name text,
    schedule text NOT NULL,
    status text DEFAULT 'ACTIVE'::text NOT NULL,
    context text NOT NULL,
    last_fired_at text,
    automatic_backfill boolean DEFAULT false NOT NULL,
    cron_timezone text,
    queue_name text,
    application_name text
);
CREATE TABLE dbos.workflow_status (
    workflow_uuid text NOT NULL,
    status text,
    name text,
    authenticated_user text,
    assumed_role text,
    authenticated_roles text,
    request text,
    output text,
    error text,
    executor_id text,
    created_at bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    updated_at bigint DEFAULT ((EXTRACT(epoch FROM now()) * 1000.0))::bigint NOT NULL,
    application_version text,
    application_id text,
    class_name character varying(255) DEFAULT NULL::character varying,
    config_name character varying(255) DEFAULT NULL::character varying,
    recovery_attempts bigint DEFAULT 0,
    queue_name text,
    workflow_timeout_ms bigint,
    workflow_deadline_epoch_ms bigint,
    inputs text,
    started_at_epoch_ms bigint,
    deduplication_id text,
    priority integer DEFAULT 0 NOT NULL,
    queue_partition_key text,
    forked_from text,
    owner_xid text,
    parent_workflow_id text,
    serialization text,
    delay_until_epoch_ms bigint,
    was_forked_from boolean DEFAULT false NOT NULL,
    rate_limited boolean DEFAULT false NOT NULL,
    completed_at bigint,
    attributes jsonb,
    schedule_name text,
    debounce_deadline_epoch_ms bigint,
    is_debounced boolean DEFAULT false NOT NULL,
    application_name text,
    creator_xid text
);
CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);
CREATE TABLE public.audit (
    seq bigint NOT NULL,
    at double precision NOT NULL,
    community character varying(128) NOT NULL,
    place character varying(128) NOT NULL,
    place_name text NOT NULL,
    person character varying(128) NOT NULL,
    person_name text NOT NULL,
    act character varying(32) NOT NULL,
    words text NOT NULL,
    changes json NOT NULL,
    undone integer NOT NULL
);
CREATE SEQUENCE public.audit_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.audit_seq_seq OWNED BY public.audit.seq;
CREATE TABLE public.charges (
    run_id character varying(36) NOT NULL,
    person character varying(128) NOT NULL,
    spots text NOT NULL,
    workflow character varying(64) NOT NULL,
    at double precision NOT NULL,
    seconds double precision NOT NULL,
    community character varying(128) DEFAULT ''::character varying NOT NULL,
    settled_at double precision
);
CREATE TABLE public.editions (
    community character varying(128) NOT NULL,
    edition bigint NOT NULL
);
CREATE TABLE public.line (
    id integer NOT NULL,
    turn bigint NOT NULL
);
CREATE SEQUENCE public.line_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.line_id_seq OWNED BY public.line.id;
CREATE TABLE public.notes (
    name character varying(200) NOT NULL,
    value json NOT NULL,
    at double precision NOT NULL
);
CREATE TABLE public.rules (
    seq bigint NOT NULL,
    kind character varying(16) NOT NULL,
    name text NOT NULL,
    community character varying(128) NOT NULL,
    place character varying(128) NOT NULL,
    who character varying(160) NOT NULL,
    workflow character varying(64) NOT NULL,
    place_name text NOT NULL,
    who_name text NOT NULL,
    body json NOT NULL
);
CREATE SEQUENCE public.rules_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.rules_seq_seq OWNED BY public.rules.seq;
CREATE TABLE public.runs (
    seq bigint NOT NULL,
    id character varying(36) NOT NULL,
    workflow character varying(64) NOT NULL,
    given json NOT NULL,
    inputs json NOT NULL,
    stem text NOT NULL,
    person character varying(128) NOT NULL,
    person_name text NOT NULL,
    place character varying(128) NOT NULL,
    place_name text NOT NULL,
    community character varying(128) NOT NULL,
    chat text NOT NULL,
    message text NOT NULL,
    kind text NOT NULL,
    models json NOT NULL,
    priority integer NOT NULL,
    turn bigint NOT NULL,
    depth integer NOT NULL,
    put_off integer NOT NULL,
    state character varying(16) NOT NULL,
    attempt integer NOT NULL,
    reason text NOT NULL,
    avoid json NOT NULL,
    server text,
    worker text,
    cancelled_by text,
    outputs json,
    sentence text,
    asked_at double precision NOT NULL,
    started_at double precision,
    executed_at double precision,
    ended_at double precision,
    review integer DEFAULT 0 NOT NULL,
    review_in text DEFAULT ''::text NOT NULL,
    review_asked_at double precision,
    manner json,
    roles json DEFAULT '[]'::json NOT NULL,
    administrator integer DEFAULT 0 NOT NULL,
    parents json DEFAULT '[]'::json NOT NULL,
    caps text DEFAULT ''::text NOT NULL,
    opened integer DEFAULT 1 NOT NULL
);
CREATE SEQUENCE public.runs_seq_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;
ALTER SEQUENCE public.runs_seq_seq OWNED BY public.runs.seq;
CREATE TABLE public.servers (
    worker text NOT NULL,
    name text NOT NULL,
    at double precision NOT NULL,
    up integer NOT NULL,
    at_once integer NOT NULL,
    edition character varying(64),
    info bytea
);
CREATE TABLE public.uses (
    key character varying(128) NOT NULL,
    run_id character varying(36) NOT NULL
);
ALTER TABLE ONLY public.audit ALTER COLUMN seq SET DEFAULT nextval('public.audit_seq_seq'::regclass);
ALTER TABLE ONLY public.line ALTER COLUMN id SET DEFAULT nextval('public.line_id_seq'::regclass);
ALTER TABLE ONLY public.rules ALTER COLUMN seq SET DEFAULT nextval('public.rules_seq_seq'::regclass);
ALTER TABLE ONLY public.runs ALTER COLUMN seq SET DEFAULT nextval('public.runs_seq_seq'::regclass);
INSERT INTO dbos.application_versions VALUES ('1f1f5808-7fc4-435a-a927-8065c42300e3', '1 darkroom', 1795854636709, 1795854636709, 'darkroom');
INSERT INTO dbos.dbos_migrations VALUES (125);
INSERT INTO dbos.operation_outputs VALUES ('63d26ae2-6a20-40cc-9162-929358878be1/1', 1, 'submit', 'gASVBgAAAAAAAACMAltdlC4=', NULL, NULL, 1795854687155, 1795854687159, 'py_pickle', 'darkroom', 1795854687160);
INSERT INTO dbos.operation_outputs VALUES ('63d26ae2-6a20-40cc-9162-929358878be1/1', 2, 'follow', 'gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=', NULL, NULL, 1795854687184, 1795854687226, 'py_pickle', 'darkroom', 1795854687228);
INSERT INTO dbos.operation_outputs VALUES ('1b76afc8-a67e-4068-90ea-875a94d0d4c2/1', 1, 'submit', 'gASVBgAAAAAAAACMAltdlC4=', NULL, NULL, 1795854689088, 1795854689143, 'py_pickle', 'darkroom', 1795854689146);
INSERT INTO dbos.operation_outputs VALUES ('a31d2a17-eb03-4527-9af0-bec5850d92ed/1', 1, 'submit', 'gASVBgAAAAAAAACMAltdlC4=', NULL, NULL, 1795854689228, 1795854689249, 'py_pickle', 'darkroom', 1795854689252);
INSERT INTO dbos.workflow_input VALUES ('63d26ae2-6a20-40cc-9162-929358878be1/1', 'gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ2M2QyNmFlMi02YTIwLTQwY2MtOTE2Mi05MjkzNTg4NzhiZTGUSwGGlIwGa3dhcmdzlH2UdS4=', 1795854687145);
INSERT INTO dbos.workflow_input VALUES ('1b76afc8-a67e-4068-90ea-875a94d0d4c2/1', 'gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQxYjc2YWZjOC1hNjdlLTQwNjgtOTBlYS04NzVhOTRkMGQ0YzKUSwGGlIwGa3dhcmdzlH2UdS4=', 1795854688824);
INSERT INTO dbos.workflow_input VALUES ('a31d2a17-eb03-4527-9af0-bec5850d92ed/1', 'gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCRhMzFkMmExNy1lYjAzLTQ1MjctOWFmMC1iZWM1ODUwZDkyZWSUSwGGlIwGa3dhcmdzlH2UdS4=', 1795854689125);
INSERT INTO dbos.workflow_status VALUES ('63d26ae2-6a20-40cc-9162-929358878be1/1', 'PENDING', 'develop', NULL, NULL, NULL, NULL, NULL, NULL, 'darkroom', 1795854687145, 1795854687145, '1 darkroom', '', NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, '49b2ab97-61f2-4945-bfc0-1fec6796564e', NULL, 'py_pickle', NULL, false, false, NULL, 'null', NULL, NULL, false, 'darkroom', '49b2ab97-61f2-4945-bfc0-1fec6796564e');
INSERT INTO dbos.workflow_status VALUES ('1b76afc8-a67e-4068-90ea-875a94d0d4c2/1', 'PENDING', 'develop', NULL, NULL, NULL, NULL, NULL, NULL, 'darkroom', 1795854688824, 1795854688824, '1 darkroom', '', NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, 'dad8bbec-2d00-4ede-ae4c-cbd29b1c63ab', NULL, 'py_pickle', NULL, false, false, NULL, 'null', NULL, NULL, false, 'darkroom', 'dad8bbec-2d00-4ede-ae4c-cbd29b1c63ab');
INSERT INTO dbos.workflow_status VALUES ('a31d2a17-eb03-4527-9af0-bec5850d92ed/1', 'PENDING', 'develop', NULL, NULL, NULL, NULL, NULL, NULL, 'darkroom', 1795854689125, 1795854689125, '1 darkroom', '', NULL, NULL, 1, NULL, NULL, NULL, NULL, NULL, NULL, 0, NULL, NULL, '85b112a7-6ff1-4c68-9b8e-8df45e683a17', NULL, 'py_pickle', NULL, false, false, NULL, 'null', NULL, NULL, false, 'darkroom', '85b112a7-6ff1-4c68-9b8e-8df45e683a17');
INSERT INTO public.alembic_version VALUES ('0006');
INSERT INTO public.audit VALUES (1, 1795854667.7883937, 'telegram:-100500', '-100500', 'Friends', 'telegram:1017', 'User1017', 'review', 'A moderator looks at results first: every workflow in all places here.', '[{"before": null, "after": {"kind": "review", "body": {"on": true, "channel": ""}}}]', 0);
INSERT INTO public.audit VALUES (2, 1795854668.1972618, 'telegram:-100500', '-100500', 'Friends', 'telegram:1017', 'User1017', 'words', 'The list “rude” of words holds in all places here.', '[{"before": null, "after": {"kind": "wordlist", "name": "rude", "body": {"words": ["badword"], "patterns": [], "hold": true}}}]', 0);
INSERT INTO public.audit VALUES (3, 1795854668.3684618, 'telegram:-100500', '-100500', 'Friends', 'telegram:1017', 'User1017', 'limit', 'The limit holds: 100 runs a day in all places here.', '[{"before": null, "after": {"kind": "limit", "name": "day", "body": {"most": 100}}}]', 0);
INSERT INTO public.audit VALUES (4, 1795854669.3282175, 'discord:1576153285033721857', '1576153285033721916', 'general', 'discord:503', 'User 503', 'review', 'A moderator looks at results first: every workflow in all places here.', '[{"before": null, "after": {"kind": "review", "body": {"on": true, "channel": "1576153285033721917"}}}]', 0);
INSERT INTO public.charges VALUES ('284c2707-9b61-43b6-8459-4f565e1fc30a', 'telegram:1013', '|', 'negative', 1795854640.2086089, 0.27233338356018066, '', 1795854640.568069);
INSERT INTO public.charges VALUES ('9a7b90c2-4d05-4615-880e-c99eba055cc8', 'discord:501', '|discord:1576153285033721856/1576153285033721892|discord:1576153285033721856|', 'negative', 1795854641.0602467, 0.1783146858215332, 'discord:1576153285033721856', 1795854641.441159);
INSERT INTO public.charges VALUES ('683164e6-7ade-4f66-b788-f91a41f82b50', 'discord:501', '|discord:1576153285033721856/1576153285033721894|discord:1576153285033721856|', 'gated', 1795854645.2522578, 0.4637429714202881, 'discord:1576153285033721856', 1795854645.9081895);
INSERT INTO public.charges VALUES ('4dc01ec3-72d3-4c76-8757-1d9f8e83b524', 'telegram:1015', '|', 'gated', 1795854641.8323886, 4.079517126083374, '', 1795854645.9617124);
INSERT INTO public.charges VALUES ('546f2d16-bccc-433a-a620-95877d4ad79f', 'web:7a449a955601269599a78b31c3280a33', '|', 'plain', 1795854667.1243546, 0.16431832313537598, '', 1795854667.4149845);
INSERT INTO public.charges VALUES ('b7b637f0-21fe-409e-b0b4-ef99be67cc44', 'telegram:1016', '|telegram:-100500/-100500|telegram:-100500|', 'gated', 1795854668.8613465, 2.271630048751831, 'telegram:-100500', NULL);
INSERT INTO public.charges VALUES ('af92739e-7236-40ec-a64d-6ad8e258ee72', 'telegram:1016', '|telegram:-100500/-100500|telegram:-100500|', 'plain', 1795854669.398588, 0.2676730155944824, 'telegram:-100500', 1795854669.8523986);
INSERT INTO public.charges VALUES ('181c4502-254c-4e65-a6db-9124ddb904ff', 'discord:501', '|discord:1576153285033721857/1576153285033721916|discord:1576153285033721857|', 'plain', 1795854669.6087728, 0.1624758243560791, 'discord:1576153285033721857', 1795854670.104542);
INSERT INTO public.charges VALUES ('d88d96f8-a4fe-4ffa-83b3-74e26962f94a', 'discord:501', '|discord:1576153285033721857/1576153285033721916|discord:1576153285033721857|', 'plain', 1795854669.6609843, 0.12289285659790039, 'discord:1576153285033721857', 1795854670.1511734);
INSERT INTO public.charges VALUES ('63d26ae2-6a20-40cc-9162-929358878be1', 'telegram:1022', '|', 'plain', 1795854686.8810945, 0.1509096622467041, '', 1795854687.2543073);
INSERT INTO public.charges VALUES ('1b76afc8-a67e-4068-90ea-875a94d0d4c2', 'discord:501', '|discord:1576153285033721856/1576153285033721965|discord:1576153285033721856|', 'gated', 1795854688.197404, 2.271630048751831, 'discord:1576153285033721856', NULL);
INSERT INTO public.charges VALUES ('a31d2a17-eb03-4527-9af0-bec5850d92ed', 'telegram:1023', '|', 'gated', 1795854688.832708, 2.271630048751831, '', NULL);
INSERT INTO public.charges VALUES ('4edc332b-a5d7-452b-8423-3e1df26780d4', 'discord:502', '|discord:1576153285033721856/1576153285033721966|discord:1576153285033721856|', 'gated', 1795854691.6179357, 2.271630048751831, 'discord:1576153285033721856', NULL);
INSERT INTO public.charges VALUES ('224bb64c-b30a-465e-8cc5-ba597d7dfb63', 'telegram:1024', '|', 'gated', 1795854692.2776608, 2.271630048751831, '', NULL);
INSERT INTO public.charges VALUES ('5d1dada2-05aa-42f8-8003-8aaff59a5836', 'web:7a449a955601269599a78b31c3280a33', '|', 'gated', 1795854696.5401194, 2.271630048751831, '', NULL);
INSERT INTO public.editions VALUES ('telegram:-100500', 3);
INSERT INTO public.editions VALUES ('discord:1576153285033721857', 4);
INSERT INTO public.line VALUES (1, 13);
INSERT INTO public.notes VALUES ('telegram:commands:default', '"91fbe7b0cbac167ecc93c71e866809d15e9bc29e5c57be8a528a667d4565af48"', 1795854637.4958978);
INSERT INTO public.notes VALUES ('telegram:commands:all_private_chats', '"91fbe7b0cbac167ecc93c71e866809d15e9bc29e5c57be8a528a667d4565af48"', 1795854637.542234);
INSERT INTO public.notes VALUES ('telegram:commands:all_group_chats', '"91fbe7b0cbac167ecc93c71e866809d15e9bc29e5c57be8a528a667d4565af48"', 1795854637.656627);
INSERT INTO public.notes VALUES ('telegram:commands:administrators', '"4af2e3f541d39a2c054ac3ab915721be2c188ceb98727f8b282456639f42c4af"', 1795854637.7847314);
INSERT INTO public.notes VALUES ('telegram:opened:1', '1001', 1795854639.7850986);
INSERT INTO public.notes VALUES ('telegram:update:1', '{}', 1795854640.2551534);
INSERT INTO public.notes VALUES ('links:secret', '"57d733002307ddd076e44302e69ce90cf93b18813456fd3d430bf42638b897e7"', 1795854640.779372);
INSERT INTO public.notes VALUES ('telegram:opened:2', '1003', 1795854641.725745);
INSERT INTO public.notes VALUES ('telegram:update:2', '{}', 1795854641.8679423);
INSERT INTO public.notes VALUES ('telegram:update:3', '{}', 1795854644.2053857);
INSERT INTO public.notes VALUES ('telegram:opened:4', '1006', 1795854646.1027958);
INSERT INTO public.notes VALUES ('telegram:update:4', '{}', 1795854646.6800354);
INSERT INTO public.notes VALUES ('telegram:update:5', '{}', 1795854668.1585016);
INSERT INTO public.notes VALUES ('telegram:update:6', '{}', 1795854668.344282);
INSERT INTO public.notes VALUES ('telegram:update:7', '{}', 1795854668.6029549);
INSERT INTO public.notes VALUES ('telegram:opened:8', '1015', 1795854668.8276772);
INSERT INTO public.notes VALUES ('telegram:update:8', '{}', 1795854668.9080265);
INSERT INTO public.notes VALUES ('telegram:opened:9', '1017', 1795854668.981265);
INSERT INTO public.notes VALUES ('telegram:update:10', '{}', 1795854669.0295563);
INSERT INTO public.notes VALUES ('telegram:update:11', '{}', 1795854669.1827636);
INSERT INTO public.notes VALUES ('telegram:update:9', '{}', 1795854669.5664992);
INSERT INTO public.notes VALUES ('telegram:draft:1018:1018', '{"workflow": "negative", "values": {}, "files": {}, "spare": [], "words": "", "message": 1022, "asking": "photo", "page": 0, "wide": false, "hidden": false, "id": "76130a95"}', 1795854671.7892227);
INSERT INTO public.notes VALUES ('telegram:update:12', '{}', 1795854671.9121234);
INSERT INTO public.notes VALUES ('telegram:update:13', '{}', 1795854671.9908094);
INSERT INTO public.notes VALUES ('telegram:update:14', '{}', 1795854673.089873);
INSERT INTO public.notes VALUES ('discord:sheet:501:a903c32950beb4ed', '{"workflow": "wide", "values": {"text": "a house", "avoid": null, "model": "model-07", "size": "small", "steps": "20"}, "picture": null, "spoiler": false}', 1795854679.3212345);
INSERT INTO public.notes VALUES ('telegram:update:15', '{}', 1795854674.1780348);
INSERT INTO public.notes VALUES ('telegram:update:16', '{}', 1795854675.390187);
INSERT INTO public.notes VALUES ('telegram:draft:1019:1019', '{"workflow": "wide", "values": {"text": "a house"}, "files": {}, "spare": [], "words": "", "message": 1028, "asking": "model", "page": 0, "wide": true, "hidden": false, "id": "47392c25"}', 1795854675.481855);
INSERT INTO public.notes VALUES ('telegram:update:17', '{}', 1795854678.0860205);
INSERT INTO public.notes VALUES ('discord:sheet:501:03d4a9251c67db11', '{"workflow": "wide", "values": {}, "picture": null, "spoiler": false}', 1795854678.6926007);
INSERT INTO public.notes VALUES ('telegram:draft:1020:1020', '{"workflow": "", "values": {}, "files": {}, "spare": [{"file_id": "file5", "filename": "photo-1030.jpg", "kind": "image"}], "words": "", "message": 1031, "asking": "", "page": 0, "wide": false, "hidden": false, "id": "93ba35a1"}', 1795854678.69364);
INSERT INTO public.notes VALUES ('telegram:update:18', '{}', 1795854679.174699);
INSERT INTO public.notes VALUES ('discord:sheet:501:a5cddae6f9de6e28', '{"workflow": "poster", "values": {"photo": {"url": "http://discord.example/cdn/1576153285033721952-given.png", "filename": "given.png", "size": 138}, "colors": "99", "contrast": "1.3"}, "picture": null, "spoiler": false}', 1795854679.5473247);
INSERT INTO public.notes VALUES ('discord:sheet:501:7971432a3691d52d', '{"workflow": "", "values": {}, "picture": {"url": "http://discord.example/cdn/1576153285033721957-mine.png", "filename": "mine.png", "size": 142}, "spoiler": false}', 1795854680.3388546);
INSERT INTO public.notes VALUES ('telegram:update:19', '{}', 1795854681.1949763);
INSERT INTO public.notes VALUES ('telegram:update:20', '{}', 1795854682.2397604);
INSERT INTO public.notes VALUES ('telegram:draft:1021:1021', '{"workflow": "", "values": {}, "files": {}, "spare": [], "words": "", "message": 1037, "asking": "", "page": 0, "wide": false, "hidden": false, "id": "e5d3c361"}', 1795854683.3898594);
INSERT INTO public.notes VALUES ('telegram:update:21', '{}', 1795854683.4815211);
INSERT INTO public.notes VALUES ('telegram:update:22', '{}', 1795854684.405383);
INSERT INTO public.notes VALUES ('telegram:update:23', '{}', 1795854685.4245358);
INSERT INTO public.notes VALUES ('telegram:update:24', '{}', 1795854686.4793327);
INSERT INTO public.notes VALUES ('telegram:opened:25', '1045', 1795854686.6493266);
INSERT INTO public.notes VALUES ('telegram:update:25', '{}', 1795854687.0660186);
INSERT INTO public.notes VALUES ('telegram:opened:26', '1047', 1795854688.3232863);
INSERT INTO public.notes VALUES ('telegram:update:26', '{}', 1795854688.916024);
INSERT INTO public.notes VALUES ('telegram:opened:27', '1049', 1795854692.061641);
INSERT INTO public.notes VALUES ('telegram:update:27', '{}', 1795854692.306596);
INSERT INTO public.notes VALUES ('telegram:update:28', '{"message": {"caption": "/negative", "caption_entities": [{"length": 9, "offset": 0, "type": "bot_command"}], "channel_chat_created": false, "delete_chat_photo": false, "group_chat_created": false, "photo": [{"height": 60, "width": 90, "file_id": "file6", "file_size": 10, "file_unique_id": "s"}, {"height": 48, "width": 64, "file_id": "file7", "file_size": 10, "file_unique_id": "s"}], "supergroup_chat_created": false, "chat": {"first_name": "Ann", "id": 1025, "type": "private"}, "date": 1795854696, "message_id": 1050, "from": {"first_name": "User1025", "id": 1025, "is_bot": false}}, "update_id": 28}', 1795854696.9006574);
INSERT INTO public.notes VALUES ('telegram:opened:28', '1051', 1795854697.0276556);
INSERT INTO public.rules VALUES (1, 'review', '', 'telegram:-100500', '', '', '', '', '', '{"on": true, "channel": ""}');
INSERT INTO public.rules VALUES (2, 'wordlist', 'rude', 'telegram:-100500', '', '', '', '', '', '{"words": ["badword"], "patterns": [], "hold": true}');
INSERT INTO public.rules VALUES (3, 'limit', 'day', 'telegram:-100500', '', '', '', '', '', '{"most": 100}');
INSERT INTO public.rules VALUES (4, 'review', '', 'discord:1576153285033721857', '', '', '', '', '', '{"on": true, "channel": "1576153285033721917"}');
INSERT INTO public.runs VALUES (1, '284c2707-9b61-43b6-8459-4f565e1fc30a', 'negative', '{}', '{"photo": {"key": "10/1065ba3c53df2ba4ba23b6bef88b9f1604574e59df53593bc91093c3972890e8.jpg", "filename": "photo-1000.jpg", "kind": "image"}}', 'photo-1000-negative', 'telegram:1013', 'User1013', 'telegram:1013', 'Ann', 'telegram:', '1013', '1001', 'negative {}', '[]', 0, 1, 0, 0, 'done', 1, '', '[]', 'one', 'darkroom', NULL, '{"files": [{"key": "db/dba3db0f26bf4de1b6d2e92bffe78a7e2882828b01f0789f23bb183d2d9dea34.png", "filename": "photo-1000-negative.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}', NULL, 1795854640.2086089, 1795854640.2957356, 1795854640.568069, 1795854640.847602, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '[]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (2, '9a7b90c2-4d05-4615-880e-c99eba055cc8', 'negative', '{}', '{"photo": {"key": "2a/2ab211094b96ca919c05a4509c0113f18227f7c483a58c6d30ddd578d18c2176.png", "filename": "photo.png", "kind": "image"}}', 'photo-negative', 'discord:501', 'User 501', 'discord:1576153285033721892', 'general', 'discord:1576153285033721856', '1576153285033721892', '{"message": 1576153285033721899, "token": "tok-1576153285033721897", "until": 1795855481.124348, "bytes": 10485760, "member": true, "spoiler": false}', 'negative {}', '[]', 0, 2, 0, 0, 'done', 1, '', '[]', 'one', 'darkroom', NULL, '{"files": [{"key": "e5/e50f6f1b38b93ce395ac689af1ae822918eb046cc3da4f923c9de13c1d60af2b.png", "filename": "photo-negative.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}', NULL, 1795854641.0602467, 1795854641.2628443, 1795854641.441159, 1795854641.5512946, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '["1576153285033721856"]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (4, '683164e6-7ade-4f66-b788-f91a41f82b50', 'gated', '{"color": 0, "gate": "unwanted"}', '{}', 'gated', 'discord:501', 'User 501', 'discord:1576153285033721894', 'general', 'discord:1576153285033721856', '1576153285033721894', '{"message": 1576153285033721908, "token": "tok-1576153285033721906", "until": 1795855485.3682148, "bytes": 10485760, "member": true, "spoiler": false}', 'gated {}', '[]', 0, 4, 0, 0, 'cancelled', 1, '', '[]', 'two', 'darkroom', 'discord:501:User 501', NULL, NULL, 1795854645.2522578, 1795854645.4444466, NULL, 1795854645.9081895, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '["1576153285033721856"]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (3, '4dc01ec3-72d3-4c76-8757-1d9f8e83b524', 'gated', '{"color": 0, "gate": "unwanted"}', '{}', 'gated', 'telegram:1015', 'User1015', 'telegram:1015', 'Ann', 'telegram:', '1015', '1003', 'gated {}', '[]', 0, 3, 0, 0, 'cancelled', 1, '', '[]', 'one', 'darkroom', 'telegram:1015:User1015', NULL, NULL, 1795854641.8323886, 1795854641.8821952, NULL, 1795854645.9617124, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '[]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (5, '9017c815-6c4e-4b06-8d5a-48a1cb19da46', 'gated', '{"color": 0, "gate": "broken"}', '{}', 'gated', 'discord:501', 'User 501', 'discord:1576153285033721893', 'general', 'discord:1576153285033721856', '1576153285033721893', '{"message": 1576153285033721915, "token": "tok-1576153285033721913", "until": 1795855486.2035801, "bytes": 10485760, "member": true, "spoiler": false}', 'gated {}', '[]', 0, 5, 0, 0, 'failed', 1, '', '[]', 'one', 'darkroom', NULL, NULL, '“Gate” failed: broken', 1795854646.1604078, 1795854646.5640047, NULL, 1795854666.8973706, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '["1576153285033721856"]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (6, '52e7a68a-9790-45de-a07c-21ff1ab09432', 'gated', '{"color": 0, "gate": "broken"}', '{}', 'gated', 'telegram:1014', 'User1014', 'telegram:1014', 'Ann', 'telegram:', '1014', '1006', 'gated {}', '[]', 0, 6, 0, 0, 'failed', 1, '', '[]', 'two', 'darkroom', NULL, NULL, '“Gate” failed: broken', 1795854646.5911417, 1795854646.807647, NULL, 1795854666.9613621, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '[]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (7, '546f2d16-bccc-433a-a620-95877d4ad79f', 'plain', '{"color": 5}', '{}', 'plain', 'web:7a449a955601269599a78b31c3280a33', 'a visitor of the page', 'web:7a449a955601269599a78b31c3280a33', '', 'web:', '7a449a955601269599a78b31c3280a33', 'f1c425177d9f4de6b084d5b5bba66dea', 'plain {}', '[]', 0, 7, 0, 0, 'done', 1, '', '[]', 'one', 'darkroom', NULL, '{"files": [{"key": "1c/1c94caa6cf524d6f4dbd1e22e5994a10d75f04d7deab13f201826551d1e1f586.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}', NULL, 1795854667.1243546, 1795854667.2506661, 1795854667.4149845, 1795854667.5802674, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '[]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (8, 'b7b637f0-21fe-409e-b0b4-ef99be67cc44', 'gated', '{"color": 0, "gate": "badword"}', '{}', 'gated', 'telegram:1016', 'User1016', 'telegram:-100500', 'Friends', 'telegram:-100500', '-100500', '1015', 'gated {}', '[]', 0, 8, 0, 0, 'held', 1, '', '[]', NULL, NULL, NULL, NULL, NULL, 1795854668.8613465, NULL, NULL, NULL, 1, '', 1795854669.805814, '{"results": "here", "previews": true, "spoilers": false}', '[]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (11, 'd88d96f8-a4fe-4ffa-83b3-74e26962f94a', 'plain', '{"color": 2}', '{}', 'plain', 'discord:501', 'User 501', 'discord:1576153285033721916', 'general', 'discord:1576153285033721857', '1576153285033721916', '{"message": 1576153285033721928, "token": "tok-1576153285033721924", "until": 1795855509.7077446, "bytes": 10485760, "member": true, "spoiler": false}', 'plain {}', '[]', 0, 10, 1, 0, 'held', 1, '', '[]', 'two', NULL, NULL, '{"files": [{"key": "5b/5b5193265448e64732380fc2b9acacc7d6963dd60cc9875eff915bb56da62c77.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}', NULL, 1795854669.6609843, 1795854670.0282805, 1795854670.1511734, NULL, 1, '1576153285033721917', 1795854671.2337437, '{"results": "here", "previews": true, "spoilers": false}', '["1576153285033721857"]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (14, 'a31d2a17-eb03-4527-9af0-bec5850d92ed', 'gated', '{"color": 0, "gate": "running"}', '{}', 'gated', 'telegram:1023', 'User1023', 'telegram:1023', 'Ann', 'telegram:', '1023', '1047', 'gated {}', '[]', 0, 13, 0, 0, 'running', 1, '', '[]', 'two', 'darkroom', NULL, NULL, NULL, 1795854688.832708, 1795854689.036217, NULL, NULL, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '[]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (15, '4edc332b-a5d7-452b-8423-3e1df26780d4', 'gated', '{"color": 0, "gate": "waiting"}', '{}', 'gated', 'discord:502', 'User 502', 'discord:1576153285033721966', 'general', 'discord:1576153285033721856', '1576153285033721966', '{"message": 1576153285033721974, "token": "tok-1576153285033721972", "until": 1795855532.0462592, "bytes": 10485760, "member": true, "spoiler": false}', 'gated {}', '[]', 0, 14, 0, 0, 'waiting', 1, '', '[]', NULL, NULL, NULL, NULL, NULL, 1795854691.6179357, NULL, NULL, NULL, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '["1576153285033721856"]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (16, '224bb64c-b30a-465e-8cc5-ba597d7dfb63', 'gated', '{"color": 0, "gate": "waiting"}', '{}', 'gated', 'telegram:1024', 'User1024', 'telegram:1024', 'Ann', 'telegram:', '1024', '1049', 'gated {}', '[]', 0, 14, 0, 0, 'waiting', 1, '', '[]', NULL, NULL, NULL, NULL, NULL, 1795854692.2776608, NULL, NULL, NULL, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '[]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (17, '5d1dada2-05aa-42f8-8003-8aaff59a5836', 'gated', '{"color": 0, "gate": "waiting"}', '{}', 'gated', 'web:7a449a955601269599a78b31c3280a33', 'a visitor of the page', 'web:7a449a955601269599a78b31c3280a33', '', 'web:', '7a449a955601269599a78b31c3280a33', '85aedc3be16644c7ba06ed9f309a3963', 'gated {}', '[]', 0, 14, 0, 0, 'waiting', 1, '', '[]', NULL, NULL, NULL, NULL, NULL, 1795854696.5401194, NULL, NULL, NULL, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '[]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (9, 'af92739e-7236-40ec-a64d-6ad8e258ee72', 'plain', '{"color": 7}', '{}', 'plain', 'telegram:1016', 'User1016', 'telegram:-100500', 'Friends', 'telegram:-100500', '-100500', '1017', 'plain {}', '[]', 0, 8, 0, 0, 'held', 1, '', '[]', 'one', NULL, NULL, '{"files": [{"key": "f6/f6328607335bbcff55245b8306f0503e858f117cd09c2e8d9359bed99faeb076.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}', NULL, 1795854669.398588, 1795854669.5847256, 1795854669.8523986, NULL, 1, '', 1795854670.9471412, '{"results": "here", "previews": true, "spoilers": false}', '[]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (12, '63d26ae2-6a20-40cc-9162-929358878be1', 'plain', '{"color": 3}', '{}', 'plain', 'telegram:1022', 'User1022', 'telegram:1022', 'Ann', 'telegram:', '1022', '1045', 'plain {}', '[]', 0, 11, 0, 0, 'delivering', 1, '', '[]', 'two', 'darkroom', NULL, '{"files": [{"key": "a7/a7ea100c0e718c70b0d684b7694d64abcb1a7d98ab1f70fd6c7d7d2a380edf82.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}', NULL, 1795854686.8810945, 1795854687.1033976, 1795854687.2543073, NULL, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '[]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (13, '1b76afc8-a67e-4068-90ea-875a94d0d4c2', 'gated', '{"color": 0, "gate": "running"}', '{}', 'gated', 'discord:501', 'User 501', 'discord:1576153285033721965', 'general', 'discord:1576153285033721856', '1576153285033721965', '{"message": 1576153285033721970, "token": "tok-1576153285033721968", "until": 1795855528.2793005, "bytes": 10485760, "member": true, "spoiler": false}', 'gated {}', '[]', 0, 12, 0, 0, 'running', 1, '', '[]', 'one', 'darkroom', NULL, NULL, NULL, 1795854688.197404, 1795854688.6684363, NULL, NULL, 0, '', NULL, '{"results": "here", "previews": true, "spoilers": false}', '["1576153285033721856"]', 0, '[]', '', 1);
INSERT INTO public.runs VALUES (10, '181c4502-254c-4e65-a6db-9124ddb904ff', 'plain', '{"color": 1}', '{}', 'plain', 'discord:501', 'User 501', 'discord:1576153285033721916', 'general', 'discord:1576153285033721857', '1576153285033721916', '{"message": 1576153285033721927, "token": "tok-1576153285033721922", "until": 1795855509.652235, "bytes": 10485760, "member": true, "spoiler": false}', 'plain {}', '[]', 0, 9, 0, 0, 'held', 1, '', '[]', 'one', NULL, NULL, '{"files": [{"key": "0b/0bd0417d9ef0e6b65fb3be78905caedf3ac220ed1fb30d83470c3f6401a1c16a.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}', NULL, 1795854669.6087728, 1795854669.9420662, 1795854670.104542, NULL, 1, '1576153285033721917', 1795854671.1289895, '{"results": "here", "previews": true, "spoilers": false}', '["1576153285033721857"]', 0, '[]', '', 1);
INSERT INTO public.servers VALUES ('darkroom', 'one', 1795854694.0530772, 0, 1, 'dd6b3ec3f01fddef046ed872b89e2ac4b04d9de0bf128aae402bd769930fa522', '\x789ce55c696fe33812fd2b82f7cbecc2dd633b769ccc37e744b09d6392ccee0e8240602cdad646163514dd89bb91ffbebc2452126d1d562c01dbc0601cb1c4a3de2bb28a2cea67e76a09e6f0caff0e31e9fc66fdecb87eb012bf30fc6be562e888c74c8cfe7aea5c5d4f2ecf3b5debe7c7f3c747d7122fd8083b10a75f7b92af3d73b9d016a29e1bb20666c00b217d8e5644b41855fd1c3fb4e93b52fa898b6b453e58c2d44bf2516248f4b1e3868107d6765ccc4b2c2e659d220fe1908bc1708add80b8c86752ec51b0260be4db4be4ac3cfeaa8fa8142b990202e708afd9433ec65fa7aca28ed63f2aaa8d7201d8f009c44be8b8f4653b1e3697600a9a38ff5d85e404bbf305f16118e6c211a6f1a095ccc09420cc0b2ebedd4e1e59011dda0cac3c564dff6b8f0a2d5d36c49ef80ddee9efc1d75e6138b902643b9f8aac6c4d8736a32303be42c64a09ed862ee0752ea14fc21a303e453ec120cc37b8ff5b84630d6dc63721d20e74f99432719c1be486b0f46c4a2b08a184e1ea268dab866a8c69ff68383c1c0f87bdf1c1b8773c1af50ffb233640a619e4d960467b6bcfa10f31ed2f95277805453b04437f4e161b59d4fb3a32b248b02b24301005fde28b40343cbdf9261686181f23b51c8b175a048905a20676cd5c8fe25003b34e3ce83bb9b4ea1b78c50b0686821756a59d33a59420435ce5520cf1a9737a7b7d72cb2b5cd2daa86a3d384da0ccf52a263a1fe125f098a2b86ce0ad395ba618429fab8f2edc142efe10cd1861e80c2f709ccd20e5d494f91a4519d9ef28cda455911c47133415601b38ca0b0439eb58d96a63e7ef2be013f747a5796f2abc30f3cc37181dc6f4ebabf58c3f95e413cc735cb280b802eb7c6ee6330fad9d2fb446d77f8178ce3900d6107f19a89f43f5f348fdec1f96a05d478d57f5b90986c58019481695b56a12e4befa23067e3893dadd46339b003c87c4c036518ce1cc50b684744c4e690e614a9a05c08eed81173e7fbd7ad1cf058507cd3158328ef0996b85a7d00e092061d4cec59ff6d99f3793ebab53dea8fdaf03deaed6c2cfce2be4ea0ce8923ec30ca6886d6146011f8c8af11b2bdf9dd189b5b0bcd05b6e23919ceb3bf0bd8cd3d2a3ff98b57c3c17f3453679b4fd5e656724e246820c0afd344a7b735964b8ac596a92f3064b8dca4424db124be5b3c60371c97451c95f71a8c8540e403744458a0e8ed6fe02c619bb09e88dfb111e9cf1bf5781b4c925a03db5051542b1863d754e6e6fbf9d4f6e520d2b1f3a0053d79fdb6fae23c91bf11f38df0175451c29cd21d96e1183a122f22051bbd856486a615bfd9db7854b6031bdc4a22f1e98beb21f58f8e7f3c8e17af156c2a38adfa4ee598c5cc6a12ce37829884dfacfe837a392e764979ea22e35b1924aa61bac5394d4e7ad116eed7236df319a0055ad7377f01bc44a0cdbe457038594f5cbd9f9ddfdf9e9e4f1fcecef35c0f61235ba1b6417182d8bc16640ed45d858a1d59a7ab40747433541b1bf78259e5aaab3eff70d6efab0777c58ca35d6bba91a6c82294adb06b65cc268077946c52c25d73451ee6100012961e106aa80255af9e43351962dec19d68c6e0cc00a19896d7b60e5fd3945cb008574d1be06e12bdcba1544bb425c1fc43e546a9f917bb78682528ebc9c231231f87ad70a30640e80adf5d0ec8709cd643d9325550d7fed7af2f0cfa22b93ae2da51eae0f3ea64cbf32de076fb689592acd0903a5a3932e29686992bb9e79892aa95756c7eee62a3fa837ad6bf43d1b03c75d6dda4032cd5807fd34f14277be049d6241a8aa271d8496db10d7fb1e77a199ddc69531ba64cf5bb50724fced05c001f4abb02514afee4818b6822583b08d14da16ac152595dc59075eb0a85ebd9a7747bb1de22435180f3bee60231198648481c2b2a8552cbe463858d03076beaec26114b003bdecee487ec40f31eb2a57920744ec8fa4daa61e12676273062cf4f906c90b22042ded05e07f1114f09f62cfe415621f7a6abb246b460731fb0e62ee1d1f1f2726de12c453c34eb5be67c269e019e83609026f6da5649a67dc29f0fd4a64f3d09b4d16d4fba1c371362e8fbdaf437daa515359efab0e783c952ddcf9a250b547c5ab2d41a5e4a0b2fdd933a3043806329d41428dd93a77f89e0417ab633ba20e427d43c0b9929cc927d5d373373e9759051e7d375e373f27898c4db22c00d8824dd7ca8148af2342440ddb00172bac6b9da9079c6b110ded0410ebdd82520ff248e749aef2dd4dbbc5a53203b5ba8be29b07ab09cfcd3072056d85d2fa05843c64aac1f27602f5017c87c52cce9836e67a900dce0e309cb922ce7f78bcbfbab94ccdb91d1a28ced67f5c754470bd701d47bada01a6f11e17b9bbbfbdbe63937507be130cecc09fbbfe0cb1a2f3ff3cde4fecbb9bcbab9b8bdb4ea984b3540f9ff5d69fa2d6336dee3b414dc160723669e1e7cd00d2c32fc0953b0cbfbbf0ad225df6887b4b414ee8cf80b32c6f03d48c72139f5643a0f3eff393bb3dcd0e5d79c2e8b97e3c8f89aa8270a33f77988c48f588b7678e796954127a22193af744f6af15f05cb26907f2684332c22e691f51ed6cd880765d64a386d4bd643f9f9b9e41251aba1a3535a961b7d40833ccde34e14642562cd598353247e111e5cebb9576a99bd863d6c76350ff2912972998589d39b34be996edb64ff8880afbbfe98444e5f096cc0333b8c45db533d67ac758d7db16bc85674c018f059bc69bf72b0feecf37bb7a405083316070a54cae0d9a7f409eebe429fe3b608650ec70252fc13c9b70a56a1af507ddecdebdf1a07101795ad86ef5e4b3478c3ceeb66a78af8c5220998c1a430aadc5655a43ab3bec2e5de2d258cb27c59815a12853588e07838383f1a0777078341a8ec7a3a3de3806d25cb6f1de0c75acde6973c5e12ebc48d32e975da2e52b2a12d1f4649c2d76bb21b5622e3e7161f86b10b5540fae171e020591557346656ccb1dd096435174af248eeaa50c924233062c5541ebd07c209865011482530b2c0d2164dde8c8d64ac2a3bd95c1478ed500d0230d98da8ccfb5a6eeea4015ddb76f074e6acc1b00b37e894576dbe2fd34f04e10f220d89aefa040d33649ea0729aabc244afa6b1998a2d119e0d18bda82ca251419840f55eebad57ed8c57d1efd7ff9075e5bcebdd23e6a37cac715e7ec1a7a092d189053f9b1b14473272772b776b2fd045c4b39fc4751b4a274c0fdcf71f1880cca8f76a74168d5b722edb22b26a832055e798be9b26b3a217bd5569bb44f1d1f020c43f205be83a9e0299fc001cf62a345403c9baee87f7c0314f8d31f2894c79325a2c89c74d5c251644e3d538c0231320a2678f1c43ed21432bd963f534d69ac9b8d3ea3261b49d6e24430f0f60fd1edda7611851a6ac94ee57d3ea99441f329f41555be88c38e027b2a6a13e368a7ecbf2cb3e29e3446a513e3249820937552472256dd7c7a448f8800efce7d875efee77e0a51abdccdf7aa2c9467667310445d2f49c2fea1716b8ff606792bd6419b1525f373b7a6ba76b3bb758351b93b29596a6b233475ae31c2277963e0fe83c67c822c2e6d69e26d33836bf07ee62ea11f8a1eeddb0e22aa47fc4e59c2563389cc43d884c7ee9587645b566c51a76027e626fad1204f13c0e613958a5b49f93630f59e5ffd99f8ce5d9994c71445e5d7126a3abc90b5d57286c1740a1ca7f86df3d237cb856d702d07c833a5ae5769c4b0406db5546df52a615b09dc329acfe82e33cebd5f714c73d5607542c8a252d65d7d19ab355d4e6711ebadfcd053955426c222decdf94b9d885b89cd4cfa70867c6dde367933a38437338a4d6a944a5d1aa96f1a499a7fbbbd4ff7e36f33fe8f7bd068fa0a89cc728afb236ed66dfb0406a1f15b214b9182e23687b4463a2dceb7d41d7d2223bff24852c6aadde8d31ca2198aaf54f4f6f4ad32694e44ee6928c46275eb7a8b07a97563df294c3a990d867886c11bdfa2b174a1aa5618e9a5b2e99d2f03b2ce5de1da74fede4d6c509aebda7c613d61a545ef2c8fc7e301ffcca2761950e2ca4010151621f4f6cdd6b86f7b5e40340e1808cb4b5b71c5415c7e16bb66a59db19651b8e15bf725bc210367e515f946eebe63b1b065135a50105ddea8f7432e357e7fe7c2732b717746dfab1ae8be7f01ef6ef89bc512c85c1a19890f6caee5d305c2ee0fbaa6f2e7e5bc64bd538d7cab8529d3c004f6bc65fe2defcd3d2222b5a834fc98bd59e5ee6ff499cbe39ee54096a0ca47d93f4afc3918ab3fcb3120ee5713f04b751a08204ada48011a795d207c4b0b81bb3dc56de3d55ce679579ef88f44b4248e9d76a9026f59040b572263931d6b9941c03ea72a32914c350d8bac885dc3d71dca5c2e9601918cbae2af0fca2126bbd98e5bad26421a8c29de2cb0a809589164940bd506cbbaac38aba6cfdad39b06a508c02bdbf33478b961fe8b9f570f2ac31d82ca8fff0106364ad5');
INSERT INTO public.servers VALUES ('darkroom', 'two', 1795854694.0559747, 0, 1, 'dd6b3ec3f01fddef046ed872b89e2ac4b04d9de0bf128aae402bd769930fa522', '\x789ce55c696fe33812fd2b82f7cbecc2dd633b769ccc37e744b09d6392ccee0e8240602cdad646163514dd89bb91ffbebc2452126d1d562c01dbc0601cb1c4a3de2bb28a2cea67e76a09e6f0caff0e31e9fc66fdecb87eb012bf30fc6be562e888c74c8cfe7aea5c5d4f2ecf3b5debe7c7f3c747d7122fd8083b10a75f7b92af3d73b9d016a29e1bb20666c00b217d8e5644b41855fd1c3fb4e93b52fa898b6b453e58c2d44bf2516248f4b1e3868107d6765ccc4b2c2e659d220fe1908bc1708add80b8c86752ec51b0260be4db4be4ac3cfeaa8fa8142b990202e708afd9433ec65fa7aca28ed63f2aaa8d7201d8f009c44be8b8f4653b1e3697600a9a38ff5d85e404bbf305f16118e6c211a6f1a095ccc09420cc0b2ebedd4e1e59011dda0cac3c564dff6b8f0a2d5d36c49ef80ddee9efc1d75e6138b902643b9f8aac6c4d8736a32303be42c64a09ed862ee0752ea14fc21a303e453ec120cc37b8ff5b84630d6dc63721d20e74f99432719c1be486b0f46c4a2b08a184e1ea268dab866a8c69ff68383c1c0f87bdf1c1b8773c1af50ffb233640a619e4d960467b6bcfa10f31ed2f95277805453b04437f4e161b59d4fb3a32b248b02b24301005fde28b40343cbdf9261686181f23b51c8b175a048905a20676cd5c8fe25003b34e3ce83bb9b4ea1b78c50b0686821756a59d33a59420435ce5520cf1a9737a7b7d72cb2b5cd2daa86a3d384da0ccf52a263a1fe125f098a2b86ce0ad395ba618429fab8f2edc142efe10cd1861e80c2f709ccd20e5d494f91a4519d9ef28cda455911c47133415601b38ca0b0439eb58d96a63e7ef2be013f747a5796f2abc30f3cc37181dc6f4ebabf58c3f95e413cc735cb280b802eb7c6ee6330fad9d2fb446d77f8178ce3900d6107f19a89f43f5f348fdec1f96a05d478d57f5b90986c58019481695b56a12e4befa23067e3893dadd46339b003c87c4c036518ce1cc50b684744c4e690e614a9a05c08eed81173e7fbd7ad1cf058507cd3158328ef0996b85a7d00e092061d4cec59ff6d99f3793ebab53dea8fdaf03deaed6c2cfce2be4ea0ce8923ec30ca6886d6146011f8c8af11b2bdf9dd189b5b0bcd05b6e23919ceb3bf0bd8cd3d2a3ff98b57c3c17f3453679b4fd5e656724e246820c0afd344a7b735964b8ac596a92f3064b8dca4424db124be5b3c60371c97451c95f71a8c8540e403744458a0e8ed6fe02c619bb09e88dfb111e9cf1bf5781b4c925a03db5051542b1863d754e6e6fbf9d4f6e520d2b1f3a0053d79fdb6fae23c91bf11f38df0175451c29cd21d96e1183a122f22051bbd856486a615bfd9db7854b6031bdc4a22f1e98beb21f58f8e7f3c8e17af156c2a38adfa4ee598c5cc6a12ce37829884dfacfe837a392e764979ea22e35b1924aa61bac5394d4e7ad116eed7236df319a0055ad7377f01bc44a0cdbe457038594f5cbd9f9ddfdf9e9e4f1fcecef35c0f61235ba1b6417182d8bc16640ed45d858a1d59a7ab40747433541b1bf78259e5aaab3eff70d6efab0777c58ca35d6bba91a6c82294adb06b65cc268077946c52c25d73451ee6100012961e106aa80255af9e43351962dec19d68c6e0cc00a19896d7b60e5fd3945cb008574d1be06e12bdcba1544bb425c1fc43e546a9f917bb78682528ebc9c231231f87ad70a30640e80adf5d0ec8709cd643d9325550d7fed7af2f0cfa22b93ae2da51eae0f3ea64cbf32de076fb689592acd0903a5a3932e29686992bb9e79892aa95756c7eee62a3fa837ad6bf43d1b03c75d6dda4032cd5807fd34f14277be049d6241a8aa271d8496db10d7fb1e77a199ddc69531ba64cf5bb50724fced05c001f4abb02514afee4818b6822583b08d14da16ac152595dc59075eb0a85ebd9a7747bb1de22435180f3bee60231198648481c2b2a8552cbe463858d03076beaec26114b003bdecee487ec40f31eb2a57920744ec8fa4daa61e12676273062cf4f906c90b22042ded05e07f1114f09f62cfe415621f7a6abb246b460731fb0e62ee1d1f1f2726de12c453c34eb5be67c269e019e83609026f6da5649a67dc29f0fd4a64f3d09b4d16d4fba1c371362e8fbdaf437daa515359efab0e783c952ddcf9a250b547c5ab2d41a5e4a0b2fdd933a3043806329d41428dd93a77f89e0417ab633ba20e427d43c0b9929cc927d5d373373e9759051e7d375e373f27898c4db22c00d8824dd7ca8148af2342440ddb00172bac6b9da9079c6b110ded0410ebdd82520ff248e749aef2dd4dbbc5a53203b5ba8be29b07ab09cfcd3072056d85d2fa05843c64aac1f27602f5017c87c52cce9836e67a900dce0e309cb922ce7f78bcbfbab94ccdb91d1a28ced67f5c754470bd701d47bada01a6f11e17b9bbbfbdbe63937507be130cecc09fbbfe0cb1a2f3ff3cde4fecbb9bcbab9b8bdb4ea984b3540f9ff5d69fa2d6336dee3b414dc160723669e1e7cd00d2c32fc0953b0cbfbbf0ad225df6887b4b414ee8cf80b32c6f03d48c72139f5643a0f3eff393bb3dcd0e5d79c2e8b97e3c8f89aa8270a33f77988c48f588b7678e796954127a22193af744f6af15f05cb26907f2684332c22e691f51ed6cd880765d64a386d4bd643f9f9b9e41251aba1a3535a961b7d40833ccde34e14642562cd598353247e111e5cebb9576a99bd863d6c76350ff2912972998589d39b34be996edb64ff8880afbbfe98444e5f096cc0333b8c45db533d67ac758d7db16bc85674c018f059bc69bf72b0feecf37bb7a405083316070a54cae0d9a7f409eebe429fe3b608650ec70252fc13c9b70a56a1af507ddecdebdf1a07101795ad86ef5e4b3478c3ceeb66a78af8c5220998c1a430aadc5655a43ab3bec2e5de2d258cb27c59815a12853588e07838383f1a0777078341a8ec7a3a3de3806d25cb6f1de0c75acde6973c5e12ebc48d32e975da2e52b2a12d1f4649c2d76bb21b5622e3e7161f86b10b5540fae171e020591557346656ccb1dd096435174af248eeaa50c924233062c5541ebd07c209865011482530b2c0d2164dde8c8d64ac2a3bd95c1478ed500d0230d98da8ccfb5a6eeea4015ddb76f074e6acc1b00b37e894576dbe2fd34f04e10f220d89aefa040d33649ea0729aabc244afa6b1998a2d119e0d18bda82ca251419840f55eebad57ed8c57d1efd7ff9075e5bcebdd23e6a37cac715e7ec1a7a092d189053f9b1b14473272772b776b2fd045c4b39fc4751b4a274c0fdcf71f1880cca8f76a74168d5b722edb22b26a832055e798be9b26b3a217bd5569bb44f1d1f020c43f205be83a9e0299fc001cf62a345403c9baee87f7c0314f8d31f2894c79325a2c89c74d5c251644e3d538c0231320a2678f1c43ed21432bd963f534d69ac9b8d3ea3261b49d6e24430f0f60fd1edda7611851a6ac94ee57d3ea99441f329f41555be88c38e027b2a6a13e368a7ecbf2cb3e29e3446a513e3249820937552472256dd7c7a448f8800efce7d875efee77e0a51abdccdf7aa2c9467667310445d2f49c2fea1716b8ff606792bd6419b1525f373b7a6ba76b3bb758351b93b29596a6b233475ae31c2277963e0fe83c67c822c2e6d69e26d33836bf07ee62ea11f8a1eeddb0e22aa47fc4e59c2563389cc43d884c7ee9587645b566c51a76027e626fad1204f13c0e613958a5b49f93630f59e5ffd99f8ce5d9994c71445e5d7126a3abc90b5d57286c1740a1ca7f86df3d237cb856d702d07c833a5ae5769c4b0406db5546df52a615b09dc329acfe82e33cebd5f714c73d5607542c8a252d65d7d19ab355d4e6711ebadfcd053955426c222decdf94b9d885b89cd4cfa70867c6dde367933a38437338a4d6a944a5d1aa96f1a499a7fbbbd4ff7e36f33fe8f7bd068fa0a89cc728afb236ed66dfb0406a1f15b214b9182e23687b4463a2dceb7d41d7d2223bff24852c6aadde8d31ca2198aaf54f4f6f4ad32694e44ee6928c46275eb7a8b07a97563df294c3a990d867886c11bdfa2b174a1aa5618e9a5b2e99d2f03b2ce5de1da74fede4d6c509aebda7c613d61a545ef2c8fc7e301ffcca2761950e2ca4010151621f4f6cdd6b86f7b5e40340e1808cb4b5b71c5415c7e16bb66a59db19651b8e15bf725bc210367e515f946eebe63b1b065135a50105ddea8f7432e357e7fe7c2732b717746dfab1ae8be7f01ef6ef89bc512c85c1a19890f6caee5d305c2ee0fbaa6f2e7e5bc64bd538d7cab8529d3c004f6bc65fe2defcd3d2222b5a834fc98bd59e5ee6ff499cbe39ee54096a0ca47d93f4afc3918ab3fcb3120ee5713f04b751a08204ada48011a795d207c4b0b81bb3dc56de3d55ce679579ef88f44b4248e9d76a9026f59040b572263931d6b9941c03ea72a32914c350d8bac885dc3d71dca5c2e9601918cbae2af0fca2126bbd98e5bad26421a8c29de2cb0a809589164940bd506cbbaac38aba6cfdad39b06a508c02bdbf33478b961fe8b9f570f2ac31d82ca8fff0106364ad5');
INSERT INTO public.uses VALUES ('10/1065ba3c53df2ba4ba23b6bef88b9f1604574e59df53593bc91093c3972890e8.jpg', '284c2707-9b61-43b6-8459-4f565e1fc30a');
INSERT INTO public.uses VALUES ('db/dba3db0f26bf4de1b6d2e92bffe78a7e2882828b01f0789f23bb183d2d9dea34.png', '284c2707-9b61-43b6-8459-4f565e1fc30a');
INSERT INTO public.uses VALUES ('2a/2ab211094b96ca919c05a4509c0113f18227f7c483a58c6d30ddd578d18c2176.png', '9a7b90c2-4d05-4615-880e-c99eba055cc8');
INSERT INTO public.uses VALUES ('e5/e50f6f1b38b93ce395ac689af1ae822918eb046cc3da4f923c9de13c1d60af2b.png', '9a7b90c2-4d05-4615-880e-c99eba055cc8');
INSERT INTO public.uses VALUES ('1c/1c94caa6cf524d6f4dbd1e22e5994a10d75f04d7deab13f201826551d1e1f586.png', '546f2d16-bccc-433a-a620-95877d4ad79f');
INSERT INTO public.uses VALUES ('f6/f6328607335bbcff55245b8306f0503e858f117cd09c2e8d9359bed99faeb076.png', 'af92739e-7236-40ec-a64d-6ad8e258ee72');
INSERT INTO public.uses VALUES ('0b/0bd0417d9ef0e6b65fb3be78905caedf3ac220ed1fb30d83470c3f6401a1c16a.png', '181c4502-254c-4e65-a6db-9124ddb904ff');
INSERT INTO public.uses VALUES ('5b/5b5193265448e64732380fc2b9acacc7d6963dd60cc9875eff915bb56da62c77.png', 'd88d96f8-a4fe-4ffa-83b3-74e26962f94a');
INSERT INTO public.uses VALUES ('a7/a7ea100c0e718c70b0d684b7694d64abcb1a7d98ab1f70fd6c7d7d2a380edf82.png', '63d26ae2-6a20-40cc-9162-929358878be1');
SELECT pg_catalog.setval('public.audit_seq_seq', 4, true);
SELECT pg_catalog.setval('public.line_id_seq', 1, false);
SELECT pg_catalog.setval('public.rules_seq_seq', 4, true);
SELECT pg_catalog.setval('public.runs_seq_seq', 17, true);
ALTER TABLE ONLY dbos.application_versions
    ADD CONSTRAINT application_versions_pkey PRIMARY KEY (version_id);
ALTER TABLE ONLY dbos.application_versions
    ADD CONSTRAINT application_versions_version_name_key UNIQUE (version_name);
ALTER TABLE ONLY dbos.dbos_migrations
    ADD CONSTRAINT dbos_migrations_pkey PRIMARY KEY (version);
ALTER TABLE ONLY dbos.event_dispatch_kv
    ADD CONSTRAINT event_dispatch_kv_pkey PRIMARY KEY (service_name, workflow_fn_name, key);
ALTER TABLE ONLY dbos.notifications
    ADD CONSTRAINT notifications_pkey PRIMARY KEY (message_uuid);
ALTER TABLE ONLY dbos.operation_outputs
    ADD CONSTRAINT operation_outputs_pkey PRIMARY KEY (workflow_uuid, function_id);
ALTER TABLE ONLY dbos.queues
    ADD CONSTRAINT queues_name_key UNIQUE (name);
ALTER TABLE ONLY dbos.queues
    ADD CONSTRAINT queues_pkey PRIMARY KEY (queue_id);
ALTER TABLE ONLY dbos.streams
    ADD CONSTRAINT streams_pkey PRIMARY KEY (workflow_uuid, key, "offset");
ALTER TABLE ONLY dbos.workflow_events_history
    ADD CONSTRAINT workflow_events_history_pkey PRIMARY KEY (workflow_uuid, function_id, key);
ALTER TABLE ONLY dbos.workflow_events
    ADD CONSTRAINT workflow_events_pkey PRIMARY KEY (workflow_uuid, key);
ALTER TABLE ONLY dbos.workflow_input
    ADD CONSTRAINT workflow_input_pkey PRIMARY KEY (workflow_uuid);
ALTER TABLE ONLY dbos.workflow_output
    ADD CONSTRAINT workflow_output_pkey PRIMARY KEY (workflow_uuid);
ALTER TABLE ONLY dbos.workflow_schedules
    ADD CONSTRAINT workflow_schedules_pkey PRIMARY KEY (schedule_id);
ALTER TABLE ONLY dbos.workflow_schedules
    ADD CONSTRAINT workflow_schedules_schedule_name_key UNIQUE (schedule_name);
ALTER TABLE ONLY dbos.workflow_status
    ADD CONSTRAINT workflow_status_pkey PRIMARY KEY (workflow_uuid);
ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);
ALTER TABLE ONLY public.audit
    ADD CONSTRAINT audit_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.charges
    ADD CONSTRAINT charges_pkey PRIMARY KEY (run_id);
ALTER TABLE ONLY public.editions
    ADD CONSTRAINT editions_pkey PRIMARY KEY (community);
ALTER TABLE ONLY public.line
    ADD CONSTRAINT line_pkey PRIMARY KEY (id);
ALTER TABLE ONLY public.notes
    ADD CONSTRAINT notes_pkey PRIMARY KEY (name);
ALTER TABLE ONLY public.rules
    ADD CONSTRAINT rules_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_id_key UNIQUE (id);
ALTER TABLE ONLY public.runs
    ADD CONSTRAINT runs_pkey PRIMARY KEY (seq);
ALTER TABLE ONLY public.servers
    ADD CONSTRAINT servers_pkey PRIMARY KEY (worker, name);
ALTER TABLE ONLY public.uses
    ADD CONSTRAINT uses_pkey PRIMARY KEY (key, run_id);
CREATE INDEX idx_application_versions_owner_timestamp ON dbos.application_versions USING btree (application_name, version_timestamp DESC);
CREATE INDEX idx_application_versions_timestamp ON dbos.application_versions USING btree (version_timestamp DESC);
CREATE INDEX idx_operation_outputs_completed_at_function_name_v2 ON dbos.operation_outputs USING btree (completed_at_epoch_ms, function_name) INCLUDE (application_name);
CREATE INDEX idx_operation_outputs_retention ON dbos.operation_outputs USING btree (retention_timestamp);
CREATE INDEX idx_workflow_input_retention ON dbos.workflow_input USING btree (retention_timestamp);
CREATE INDEX idx_workflow_output_retention ON dbos.workflow_output USING btree (retention_timestamp);
CREATE INDEX idx_workflow_status_attributes ON dbos.workflow_status USING gin (attributes) WHERE (attributes IS NOT NULL);
CREATE INDEX idx_workflow_status_completed_at ON dbos.workflow_status USING btree (completed_at) WHERE (completed_at IS NOT NULL);
CREATE INDEX idx_workflow_status_deadline ON dbos.workflow_status USING btree (workflow_deadline_epoch_ms) WHERE ((status = ANY (ARRAY['ENQUEUED'::text, 'PENDING'::text, 'DELAYED'::text])) AND (workflow_deadline_epoch_ms IS NOT NULL));
CREATE INDEX idx_workflow_status_delayed ON dbos.workflow_status USING btree (delay_until_epoch_ms) WHERE (status = 'DELAYED'::text);
CREATE INDEX idx_workflow_status_failed ON dbos.workflow_status USING btree (status, created_at) WHERE (status = ANY (ARRAY['ERROR'::text, 'CANCELLED'::text, 'MAX_RECOVERY_ATTEMPTS_EXCEEDED'::text]));
CREATE INDEX idx_workflow_status_forked_from ON dbos.workflow_status USING btree (forked_from) WHERE (forked_from IS NOT NULL);
CREATE INDEX idx_workflow_status_in_flight_v2 ON dbos.workflow_status USING btree (queue_name, status, priority, created_at) INCLUDE (application_name) WHERE (status = ANY (ARRAY['ENQUEUED'::text, 'PENDING'::text]));
CREATE INDEX idx_workflow_status_parent_workflow_id ON dbos.workflow_status USING btree (parent_workflow_id) WHERE (parent_workflow_id IS NOT NULL);
CREATE INDEX idx_workflow_status_partition_dequeue_v3 ON dbos.workflow_status USING btree (queue_name, status, queue_partition_key, priority, created_at, workflow_uuid) INCLUDE (application_name) WHERE ((status = ANY (ARRAY['ENQUEUED'::text, 'PENDING'::text])) AND (queue_partition_key IS NOT NULL));
CREATE INDEX idx_workflow_status_pending ON dbos.workflow_status USING btree (created_at) WHERE (status = 'PENDING'::text);
CREATE INDEX idx_workflow_status_rate_limited ON dbos.workflow_status USING btree (queue_name, started_at_epoch_ms) WHERE (rate_limited = true);
CREATE INDEX idx_workflow_status_schedule_name ON dbos.workflow_status USING btree (schedule_name) WHERE (schedule_name IS NOT NULL);
CREATE INDEX idx_workflow_status_started_at ON dbos.workflow_status USING btree (started_at_epoch_ms) WHERE (started_at_epoch_ms IS NOT NULL);
CREATE INDEX idx_workflow_topic ON dbos.notifications USING btree (destination_uuid, topic);
CREATE UNIQUE INDEX uq_application_versions_owner_version ON dbos.application_versions USING btree (application_name, version_name) WHERE (application_name IS NOT NULL);
CREATE UNIQUE INDEX uq_application_versions_unclaimed_version ON dbos.application_versions USING btree (version_name) WHERE (application_name IS NULL);
CREATE UNIQUE INDEX uq_workflow_status_dedup_id ON dbos.workflow_status USING btree (queue_name, deduplication_id) WHERE (deduplication_id IS NOT NULL);
CREATE INDEX workflow_status_created_at_index ON dbos.workflow_status USING btree (created_at);
CREATE INDEX audit_by_act ON public.audit USING btree (act, at);
CREATE INDEX audit_of_community ON public.audit USING btree (community, seq);
CREATE INDEX audit_of_person ON public.audit USING btree (person, seq);
CREATE INDEX charges_by_age ON public.charges USING btree (at);
CREATE INDEX charges_of_community ON public.charges USING btree (community, at);
CREATE INDEX charges_of_person ON public.charges USING btree (person, at);
CREATE INDEX charges_of_workflow ON public.charges USING btree (workflow, at);
CREATE INDEX ix_editions_edition ON public.editions USING btree (edition);
CREATE INDEX rules_of_community ON public.rules USING btree (community, kind);
CREATE INDEX runs_by_age ON public.runs USING btree (asked_at);
CREATE INDEX runs_by_caps ON public.runs USING btree (state, caps);
CREATE INDEX runs_by_end ON public.runs USING btree (state, ended_at);
CREATE INDEX runs_by_message ON public.runs USING btree (chat, message);
CREATE INDEX runs_in_line ON public.runs USING btree (state, priority, turn, depth, seq);
CREATE INDEX runs_of_community ON public.runs USING btree (community, state, seq);
CREATE INDEX runs_of_person ON public.runs USING btree (person, state, seq);
CREATE INDEX runs_of_worker ON public.runs USING btree (worker, state);
CREATE INDEX uses_of_run ON public.uses USING btree (run_id);
CREATE TRIGGER dbos_notifications_trigger AFTER INSERT ON dbos.notifications FOR EACH ROW EXECUTE FUNCTION dbos.notifications_function();
ALTER TABLE ONLY dbos.notifications
    ADD CONSTRAINT notifications_destination_uuid_fkey FOREIGN KEY (destination_uuid) REFERENCES dbos.workflow_status(workflow_uuid) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY dbos.streams
    ADD CONSTRAINT streams_workflow_uuid_fkey FOREIGN KEY (workflow_uuid) REFERENCES dbos.workflow_status(workflow_uuid) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY dbos.workflow_events_history
    ADD CONSTRAINT workflow_events_history_workflow_uuid_fkey FOREIGN KEY (workflow_uuid) REFERENCES dbos.workflow_status(workflow_uuid) ON UPDATE CASCADE ON DELETE CASCADE;
ALTER TABLE ONLY dbos.workflow_events
    ADD CONSTRAINT workflow_events_workflow_uuid_fkey FOREIGN KEY (workflow_uuid) REFERENCES dbos.workflow_status(workflow_uuid) ON UPDATE CASCADE ON DELETE CASCADE;
