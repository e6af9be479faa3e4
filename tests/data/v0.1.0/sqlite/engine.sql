BEGIN TRANSACTION;
CREATE TABLE application_versions (
    version_id TEXT NOT NULL PRIMARY KEY,
    version_name TEXT NOT NULL UNIQUE,
    version_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
, "application_name" TEXT DEFAULT NULL);
INSERT INTO "application_versions" VALUES('fd0d3eac-4d97-4660-ae13-2170ffdd111f','1 darkroom',1795854563000,1795854563000,'darkroom');
CREATE TABLE dbos_migrations (version INTEGER NOT NULL PRIMARY KEY);
INSERT INTO "dbos_migrations" VALUES(125);
CREATE TABLE notifications (
    message_uuid TEXT NOT NULL DEFAULT (hex(randomblob(16))) PRIMARY KEY,
    destination_uuid TEXT NOT NULL,
    topic TEXT,
    message TEXT NOT NULL,
    created_at_epoch_ms INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000), "serialization" TEXT DEFAULT NULL, "consumed" BOOLEAN NOT NULL DEFAULT FALSE, consumed_by_function_id INTEGER,
    FOREIGN KEY (destination_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE "operation_outputs" (
    workflow_uuid TEXT NOT NULL,
    function_id INTEGER NOT NULL,
    function_name TEXT NOT NULL DEFAULT '',
    output TEXT,
    error TEXT,
    child_workflow_id TEXT,
    started_at_epoch_ms INTEGER,
    completed_at_epoch_ms INTEGER,
    serialization TEXT,
    application_name TEXT DEFAULT NULL,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    PRIMARY KEY (workflow_uuid, function_id)
);
INSERT INTO "operation_outputs" VALUES('f1aee958-cd18-4995-a038-8b436401d122/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854566819,1795854566835,'py_pickle','darkroom',1795854566000);
INSERT INTO "operation_outputs" VALUES('f1aee958-cd18-4995-a038-8b436401d122/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795854566840,1795854566842,'py_pickle','darkroom',1795854566000);
INSERT INTO "operation_outputs" VALUES('464cd795-d75f-40e9-bc6c-6ae5e5006efa/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854567002,1795854567004,'py_pickle','darkroom',1795854567000);
INSERT INTO "operation_outputs" VALUES('464cd795-d75f-40e9-bc6c-6ae5e5006efa/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795854567008,1795854567009,'py_pickle','darkroom',1795854567000);
INSERT INTO "operation_outputs" VALUES('c780addd-6ddc-4ba5-9717-7ea6eb4927c8/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854567189,1795854567190,'py_pickle','darkroom',1795854567000);
INSERT INTO "operation_outputs" VALUES('0b60e2c2-bcad-4971-a699-e9d9e79cc790/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854570376,1795854570384,'py_pickle','darkroom',1795854570000);
INSERT INTO "operation_outputs" VALUES('9680f19a-9d3b-43da-9aa8-1fc5fa50a6e4/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854570591,1795854570595,'py_pickle','darkroom',1795854570000);
INSERT INTO "operation_outputs" VALUES('b19cc6c9-c1bc-4a88-b372-7c8329110ffa/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854570608,1795854570611,'py_pickle','darkroom',1795854570000);
INSERT INTO "operation_outputs" VALUES('9680f19a-9d3b-43da-9aa8-1fc5fa50a6e4/1',2,'follow',NULL,'gASVoQAAAAAAAACMDGNvbWZ5LmVycm9yc5SMD0V4ZWN1dGlvbkZhaWxlZJSTlIwcR2F0ZSAobm9kZSAyKSBmYWlsZWQ6IGJyb2tlbpSFlIGUfZQojAdub2RlX2lklIwBMpSMCmNsYXNzX3R5cGWUjARHYXRllIwOZXhjZXB0aW9uX3R5cGWUjAxUaW1lb3V0RXJyb3KUjAdtZXNzYWdllIwGYnJva2VulHViLg==',NULL,1795854570597,1795854590593,'py_pickle','darkroom',1795854590000);
INSERT INTO "operation_outputs" VALUES('b19cc6c9-c1bc-4a88-b372-7c8329110ffa/1',2,'follow',NULL,'gASVoQAAAAAAAACMDGNvbWZ5LmVycm9yc5SMD0V4ZWN1dGlvbkZhaWxlZJSTlIwcR2F0ZSAobm9kZSAyKSBmYWlsZWQ6IGJyb2tlbpSFlIGUfZQojAdub2RlX2lklIwBMpSMCmNsYXNzX3R5cGWUjARHYXRllIwOZXhjZXB0aW9uX3R5cGWUjAxUaW1lb3V0RXJyb3KUjAdtZXNzYWdllIwGYnJva2VulHViLg==',NULL,1795854570614,1795854590612,'py_pickle','darkroom',1795854590000);
INSERT INTO "operation_outputs" VALUES('5a13fbf6-55fb-4482-ad96-4b62c55a69bf/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854590735,1795854590742,'py_pickle','darkroom',1795854590000);
INSERT INTO "operation_outputs" VALUES('5a13fbf6-55fb-4482-ad96-4b62c55a69bf/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795854590746,1795854590750,'py_pickle','darkroom',1795854590000);
INSERT INTO "operation_outputs" VALUES('78d78162-5cce-4908-9460-b628fee23ae0/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854591878,1795854591881,'py_pickle','darkroom',1795854591000);
INSERT INTO "operation_outputs" VALUES('78d78162-5cce-4908-9460-b628fee23ae0/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795854591885,1795854591889,'py_pickle','darkroom',1795854591000);
INSERT INTO "operation_outputs" VALUES('087b45a7-21c1-4cb9-848f-c42671996d08/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854591925,1795854591956,'py_pickle','darkroom',1795854591000);
INSERT INTO "operation_outputs" VALUES('087b45a7-21c1-4cb9-848f-c42671996d08/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795854591965,1795854591967,'py_pickle','darkroom',1795854591000);
INSERT INTO "operation_outputs" VALUES('7e6dfbed-538a-4c37-8b6c-607e8871bbc1/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854591980,1795854591982,'py_pickle','darkroom',1795854591000);
INSERT INTO "operation_outputs" VALUES('7e6dfbed-538a-4c37-8b6c-607e8871bbc1/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795854591987,1795854591991,'py_pickle','darkroom',1795854591000);
INSERT INTO "operation_outputs" VALUES('452b0a76-69a8-4784-b6f5-8684ef8d6b3a/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854601951,1795854602015,'py_pickle','darkroom',1795854602000);
INSERT INTO "operation_outputs" VALUES('452b0a76-69a8-4784-b6f5-8684ef8d6b3a/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795854602017,1795854602019,'py_pickle','darkroom',1795854602000);
INSERT INTO "operation_outputs" VALUES('2ee52381-87e9-4403-96e9-c5e6ccf190bc/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854602246,1795854602249,'py_pickle','darkroom',1795854602000);
INSERT INTO "operation_outputs" VALUES('9f294248-e6bb-4999-b310-e09e9ba7109d/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795854602284,1795854602287,'py_pickle','darkroom',1795854602000);
CREATE TABLE queues (
    queue_id TEXT PRIMARY KEY DEFAULT (hex(randomblob(16))),
    name TEXT NOT NULL UNIQUE,
    concurrency INTEGER,
    worker_concurrency INTEGER,
    rate_limit_max INTEGER,
    rate_limit_period_sec REAL,
    priority_enabled BOOLEAN NOT NULL DEFAULT FALSE,
    partition_queue BOOLEAN NOT NULL DEFAULT FALSE,
    polling_interval_sec REAL NOT NULL DEFAULT 1.0,
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    updated_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
, "application_name" TEXT DEFAULT NULL, "partition_concurrency" INTEGER DEFAULT NULL, "partition_worker_concurrency" INTEGER DEFAULT NULL, "partition_rate_limit_max" INTEGER DEFAULT NULL, "partition_rate_limit_period_sec" REAL DEFAULT NULL);
CREATE TABLE streams (
    workflow_uuid TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    "offset" INTEGER NOT NULL, function_id INTEGER NOT NULL DEFAULT 0, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, key, "offset"),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE workflow_events (
    workflow_uuid TEXT NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, key),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid) 
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE workflow_events_history (
    workflow_uuid TEXT NOT NULL,
    function_id INTEGER NOT NULL,
    key TEXT NOT NULL,
    value TEXT NOT NULL, "serialization" TEXT DEFAULT NULL,
    PRIMARY KEY (workflow_uuid, function_id, key),
    FOREIGN KEY (workflow_uuid) REFERENCES workflow_status(workflow_uuid)
        ON UPDATE CASCADE ON DELETE CASCADE
);
CREATE TABLE workflow_input (
    workflow_uuid TEXT NOT NULL PRIMARY KEY,
    inputs TEXT,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
);
INSERT INTO "workflow_input" VALUES('f1aee958-cd18-4995-a038-8b436401d122/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCRmMWFlZTk1OC1jZDE4LTQ5OTUtYTAzOC04YjQzNjQwMWQxMjKUSwGGlIwGa3dhcmdzlH2UdS4=',1795854566000);
INSERT INTO "workflow_input" VALUES('464cd795-d75f-40e9-bc6c-6ae5e5006efa/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ0NjRjZDc5NS1kNzVmLTQwZTktYmM2Yy02YWU1ZTUwMDZlZmGUSwGGlIwGa3dhcmdzlH2UdS4=',1795854566000);
INSERT INTO "workflow_input" VALUES('c780addd-6ddc-4ba5-9717-7ea6eb4927c8/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCRjNzgwYWRkZC02ZGRjLTRiYTUtOTcxNy03ZWE2ZWI0OTI3YziUSwGGlIwGa3dhcmdzlH2UdS4=',1795854567000);
INSERT INTO "workflow_input" VALUES('0b60e2c2-bcad-4971-a699-e9d9e79cc790/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQwYjYwZTJjMi1iY2FkLTQ5NzEtYTY5OS1lOWQ5ZTc5Y2M3OTCUSwGGlIwGa3dhcmdzlH2UdS4=',1795854570000);
INSERT INTO "workflow_input" VALUES('9680f19a-9d3b-43da-9aa8-1fc5fa50a6e4/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ5NjgwZjE5YS05ZDNiLTQzZGEtOWFhOC0xZmM1ZmE1MGE2ZTSUSwGGlIwGa3dhcmdzlH2UdS4=',1795854570000);
INSERT INTO "workflow_input" VALUES('b19cc6c9-c1bc-4a88-b372-7c8329110ffa/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCRiMTljYzZjOS1jMWJjLTRhODgtYjM3Mi03YzgzMjkxMTBmZmGUSwGGlIwGa3dhcmdzlH2UdS4=',1795854570000);
INSERT INTO "workflow_input" VALUES('5a13fbf6-55fb-4482-ad96-4b62c55a69bf/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ1YTEzZmJmNi01NWZiLTQ0ODItYWQ5Ni00YjYyYzU1YTY5YmaUSwGGlIwGa3dhcmdzlH2UdS4=',1795854590000);
INSERT INTO "workflow_input" VALUES('78d78162-5cce-4908-9460-b628fee23ae0/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ3OGQ3ODE2Mi01Y2NlLTQ5MDgtOTQ2MC1iNjI4ZmVlMjNhZTCUSwGGlIwGa3dhcmdzlH2UdS4=',1795854591000);
INSERT INTO "workflow_input" VALUES('087b45a7-21c1-4cb9-848f-c42671996d08/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQwODdiNDVhNy0yMWMxLTRjYjktODQ4Zi1jNDI2NzE5OTZkMDiUSwGGlIwGa3dhcmdzlH2UdS4=',1795854591000);
INSERT INTO "workflow_input" VALUES('7e6dfbed-538a-4c37-8b6c-607e8871bbc1/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ3ZTZkZmJlZC01MzhhLTRjMzctOGI2Yy02MDdlODg3MWJiYzGUSwGGlIwGa3dhcmdzlH2UdS4=',1795854591000);
INSERT INTO "workflow_input" VALUES('452b0a76-69a8-4784-b6f5-8684ef8d6b3a/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ0NTJiMGE3Ni02OWE4LTQ3ODQtYjZmNS04Njg0ZWY4ZDZiM2GUSwGGlIwGa3dhcmdzlH2UdS4=',1795854601000);
INSERT INTO "workflow_input" VALUES('2ee52381-87e9-4403-96e9-c5e6ccf190bc/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQyZWU1MjM4MS04N2U5LTQ0MDMtOTZlOS1jNWU2Y2NmMTkwYmOUSwGGlIwGa3dhcmdzlH2UdS4=',1795854602000);
INSERT INTO "workflow_input" VALUES('9f294248-e6bb-4999-b310-e09e9ba7109d/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ5ZjI5NDI0OC1lNmJiLTQ5OTktYjMxMC1lMDllOWJhNzEwOWSUSwGGlIwGa3dhcmdzlH2UdS4=',1795854602000);
CREATE TABLE workflow_output (
    workflow_uuid TEXT NOT NULL PRIMARY KEY,
    output TEXT,
    error TEXT,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
);
INSERT INTO "workflow_output" VALUES('f1aee958-cd18-4995-a038-8b436401d122/1','gAROLg==',NULL,1795854566000);
INSERT INTO "workflow_output" VALUES('464cd795-d75f-40e9-bc6c-6ae5e5006efa/1','gAROLg==',NULL,1795854567000);
INSERT INTO "workflow_output" VALUES('0b60e2c2-bcad-4971-a699-e9d9e79cc790/1','gAROLg==',NULL,1795854570000);
INSERT INTO "workflow_output" VALUES('c780addd-6ddc-4ba5-9717-7ea6eb4927c8/1','gAROLg==',NULL,1795854570000);
INSERT INTO "workflow_output" VALUES('9680f19a-9d3b-43da-9aa8-1fc5fa50a6e4/1','gAROLg==',NULL,1795854590000);
INSERT INTO "workflow_output" VALUES('b19cc6c9-c1bc-4a88-b372-7c8329110ffa/1','gAROLg==',NULL,1795854590000);
INSERT INTO "workflow_output" VALUES('5a13fbf6-55fb-4482-ad96-4b62c55a69bf/1','gAROLg==',NULL,1795854590000);
INSERT INTO "workflow_output" VALUES('78d78162-5cce-4908-9460-b628fee23ae0/1','gAROLg==',NULL,1795854591000);
INSERT INTO "workflow_output" VALUES('087b45a7-21c1-4cb9-848f-c42671996d08/1','gAROLg==',NULL,1795854592000);
INSERT INTO "workflow_output" VALUES('7e6dfbed-538a-4c37-8b6c-607e8871bbc1/1','gAROLg==',NULL,1795854592000);
CREATE TABLE workflow_schedules (
    schedule_id TEXT PRIMARY KEY,
    schedule_name TEXT NOT NULL UNIQUE,
    workflow_name TEXT NOT NULL,
    workflow_class_name TEXT,
    schedule TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'ACTIVE',
    context TEXT NOT NULL
, "last_fired_at" TEXT DEFAULT NULL, "automatic_backfill" BOOLEAN NOT NULL DEFAULT FALSE, "cron_timezone" TEXT DEFAULT NULL, "queue_name" TEXT DEFAULT NULL, "application_name" TEXT DEFAULT NULL);
CREATE TABLE workflow_status (
    workflow_uuid TEXT PRIMARY KEY,
    status TEXT,
    name TEXT,
    authenticated_user TEXT,
    assumed_role TEXT,
    authenticated_roles TEXT,
    request TEXT,
    output TEXT,
    error TEXT,
    executor_id TEXT,
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    updated_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    application_version TEXT,
    application_id TEXT,
    class_name TEXT DEFAULT NULL,
    config_name TEXT DEFAULT NULL,
    recovery_attempts INTEGER DEFAULT 0,
    queue_name TEXT,
    workflow_timeout_ms INTEGER,
    workflow_deadline_epoch_ms INTEGER,
    inputs TEXT,
    started_at_epoch_ms INTEGER,
    deduplication_id TEXT,
    priority INTEGER NOT NULL DEFAULT 0
, queue_partition_key TEXT, forked_from TEXT, "owner_xid" TEXT DEFAULT NULL, "parent_workflow_id" TEXT DEFAULT NULL, "serialization" TEXT DEFAULT NULL, "delay_until_epoch_ms" BIGINT DEFAULT NULL, "was_forked_from" BOOLEAN NOT NULL DEFAULT FALSE, "rate_limited" BOOLEAN NOT NULL DEFAULT FALSE, "completed_at" BIGINT, "attributes" TEXT, "schedule_name" TEXT, "debounce_deadline_epoch_ms" BIGINT DEFAULT NULL, "is_debounced" BOOLEAN NOT NULL DEFAULT FALSE, "application_name" TEXT DEFAULT NULL, "creator_xid" TEXT DEFAULT NULL);
INSERT INTO "workflow_status" VALUES('f1aee958-cd18-4995-a038-8b436401d122/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854566000,1795854566000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795854566000,'null',NULL,NULL,0,'darkroom','edcc1dc9-df99-4ccf-9542-66de4d78a936');
INSERT INTO "workflow_status" VALUES('464cd795-d75f-40e9-bc6c-6ae5e5006efa/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854566000,1795854567000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795854567000,'null',NULL,NULL,0,'darkroom','d390a2c8-e066-4618-a694-749a55ce5c42');
INSERT INTO "workflow_status" VALUES('c780addd-6ddc-4ba5-9717-7ea6eb4927c8/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854567000,1795854570000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795854570000,'null',NULL,NULL,0,'darkroom','0d6e9320-0c78-4b59-b573-ae6a72dd1942');
INSERT INTO "workflow_status" VALUES('0b60e2c2-bcad-4971-a699-e9d9e79cc790/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854570000,1795854570000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795854570000,'null',NULL,NULL,0,'darkroom','44633a40-1542-4f0c-929e-2811658a3176');
INSERT INTO "workflow_status" VALUES('9680f19a-9d3b-43da-9aa8-1fc5fa50a6e4/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854570000,1795854590000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795854590000,'null',NULL,NULL,0,'darkroom','09c36d32-6b14-4198-9bc8-bd0a82edb7bd');
INSERT INTO "workflow_status" VALUES('b19cc6c9-c1bc-4a88-b372-7c8329110ffa/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854570000,1795854590000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795854590000,'null',NULL,NULL,0,'darkroom','59bc80b8-5706-47a5-a8c8-1f3ec8cd5c59');
INSERT INTO "workflow_status" VALUES('5a13fbf6-55fb-4482-ad96-4b62c55a69bf/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854590000,1795854590000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795854590000,'null',NULL,NULL,0,'darkroom','4609289e-d297-4ce7-8f09-1a16990717b5');
INSERT INTO "workflow_status" VALUES('78d78162-5cce-4908-9460-b628fee23ae0/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854591000,1795854591000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795854591000,'null',NULL,NULL,0,'darkroom','4ea6bdbf-1eb4-41b9-8e12-75fa37c9816e');
INSERT INTO "workflow_status" VALUES('087b45a7-21c1-4cb9-848f-c42671996d08/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854591000,1795854592000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795854592000,'null',NULL,NULL,0,'darkroom','597fa975-0713-4559-89d5-864998fae257');
INSERT INTO "workflow_status" VALUES('7e6dfbed-538a-4c37-8b6c-607e8871bbc1/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854591000,1795854592000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795854592000,'null',NULL,NULL,0,'darkroom','9324139f-517d-4d31-8c33-c92f45a67592');
INSERT INTO "workflow_status" VALUES('452b0a76-69a8-4784-b6f5-8684ef8d6b3a/1','PENDING','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854601000,1795854601000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'c6e16034-09dd-43ad-9424-450035bd1833',NULL,'py_pickle',NULL,0,0,NULL,'null',NULL,NULL,0,'darkroom','c6e16034-09dd-43ad-9424-450035bd1833');
INSERT INTO "workflow_status" VALUES('2ee52381-87e9-4403-96e9-c5e6ccf190bc/1','PENDING','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854602000,1795854602000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'2183cff5-b047-4023-8380-6933a7dcf10d',NULL,'py_pickle',NULL,0,0,NULL,'null',NULL,NULL,0,'darkroom','2183cff5-b047-4023-8380-6933a7dcf10d');
INSERT INTO "workflow_status" VALUES('9f294248-e6bb-4999-b310-e09e9ba7109d/1','PENDING','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795854602000,1795854602000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'c6fddb2d-b658-496c-a571-eeec1ef0cf16',NULL,'py_pickle',NULL,0,0,NULL,'null',NULL,NULL,0,'darkroom','c6fddb2d-b658-496c-a571-eeec1ef0cf16');
CREATE INDEX workflow_status_created_at_index ON workflow_status (created_at);
CREATE INDEX idx_workflow_topic ON notifications (destination_uuid, topic);
CREATE INDEX "idx_workflow_status_delayed" ON "workflow_status" ("delay_until_epoch_ms") WHERE status = 'DELAYED';
CREATE INDEX "idx_workflow_status_forked_from" ON "workflow_status" ("forked_from") WHERE "forked_from" IS NOT NULL;
CREATE INDEX "idx_workflow_status_parent_workflow_id" ON "workflow_status" ("parent_workflow_id") WHERE "parent_workflow_id" IS NOT NULL;
CREATE UNIQUE INDEX "uq_workflow_status_dedup_id" ON "workflow_status" ("queue_name", "deduplication_id") WHERE "deduplication_id" IS NOT NULL;
CREATE INDEX "idx_workflow_status_pending" ON "workflow_status" ("created_at") WHERE "status" = 'PENDING';
CREATE INDEX "idx_workflow_status_failed" ON "workflow_status" ("status", "created_at") WHERE "status" IN ('ERROR', 'CANCELLED', 'MAX_RECOVERY_ATTEMPTS_EXCEEDED');
CREATE INDEX "idx_workflow_status_rate_limited" ON "workflow_status" ("queue_name", "started_at_epoch_ms") WHERE "rate_limited" = TRUE;
CREATE INDEX "idx_workflow_status_completed_at" ON "workflow_status" ("completed_at") WHERE "completed_at" IS NOT NULL;
CREATE INDEX "idx_workflow_status_started_at" ON "workflow_status" ("started_at_epoch_ms") WHERE "started_at_epoch_ms" IS NOT NULL;
CREATE INDEX "idx_workflow_status_schedule_name" ON "workflow_status" ("schedule_name") WHERE "schedule_name" IS NOT NULL;
CREATE UNIQUE INDEX "uq_application_versions_owner_version"
    ON application_versions ("application_name", "version_name")
    WHERE "application_name" IS NOT NULL;
CREATE UNIQUE INDEX "uq_application_versions_unclaimed_version"
    ON application_versions ("version_name")
    WHERE "application_name" IS NULL;
CREATE INDEX idx_workflow_input_retention
    ON workflow_input (retention_timestamp);
CREATE INDEX idx_workflow_output_retention
    ON workflow_output (retention_timestamp);
CREATE INDEX idx_operation_outputs_retention
    ON operation_outputs (retention_timestamp);
CREATE INDEX "idx_workflow_status_in_flight_v2" ON "workflow_status" ("queue_name", "status", "priority", "created_at", "application_name") WHERE "status" IN ('ENQUEUED', 'PENDING');
CREATE INDEX "idx_workflow_status_partition_dequeue_v3" ON "workflow_status" ("queue_name", "status", "queue_partition_key", "priority", "created_at", "workflow_uuid", "application_name") WHERE "status" IN ('ENQUEUED', 'PENDING') AND "queue_partition_key" IS NOT NULL;
CREATE INDEX "idx_operation_outputs_completed_at_function_name_v2" ON "operation_outputs" ("completed_at_epoch_ms", "function_name", "application_name");
CREATE INDEX "idx_workflow_status_deadline" ON "workflow_status" ("workflow_deadline_epoch_ms") WHERE "status" IN ('ENQUEUED', 'PENDING', 'DELAYED') AND "workflow_deadline_epoch_ms" IS NOT NULL;
CREATE INDEX "idx_application_versions_timestamp" ON "application_versions" ("version_timestamp" DESC);
CREATE INDEX "idx_application_versions_owner_timestamp" ON "application_versions" ("application_name", "version_timestamp" DESC);
COMMIT;
