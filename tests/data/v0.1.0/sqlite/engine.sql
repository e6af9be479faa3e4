BEGIN TRANSACTION;
CREATE TABLE application_versions (
    version_id TEXT NOT NULL PRIMARY KEY,
    version_name TEXT NOT NULL UNIQUE,
    version_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000),
    created_at INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
, "application_name" TEXT DEFAULT NULL);
INSERT INTO "application_versions" VALUES('e66bad1e-9ff1-49c4-a64b-58f93f853ff4','1 darkroom',1795853378000,1795853378000,'darkroom');
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
INSERT INTO "operation_outputs" VALUES('aaa7d675-34db-4104-86d8-7a9b8dedcb12/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853381437,1795853381442,'py_pickle','darkroom',1795853381000);
INSERT INTO "operation_outputs" VALUES('aaa7d675-34db-4104-86d8-7a9b8dedcb12/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795853381447,1795853381449,'py_pickle','darkroom',1795853381000);
INSERT INTO "operation_outputs" VALUES('265d1f2d-227b-42c1-af75-bfadbe779ecb/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853381627,1795853381631,'py_pickle','darkroom',1795853381000);
INSERT INTO "operation_outputs" VALUES('265d1f2d-227b-42c1-af75-bfadbe779ecb/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795853381635,1795853381638,'py_pickle','darkroom',1795853381000);
INSERT INTO "operation_outputs" VALUES('95a05598-7e60-40f6-916d-8a4cc00d1b19/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853381777,1795853381784,'py_pickle','darkroom',1795853381000);
INSERT INTO "operation_outputs" VALUES('464e2110-f491-47a5-a828-476308f662a7/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853384903,1795853384905,'py_pickle','darkroom',1795853384000);
INSERT INTO "operation_outputs" VALUES('fa53fbdf-f427-4c8b-ba94-c8c87ebd1346/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853385029,1795853385032,'py_pickle','darkroom',1795853385000);
INSERT INTO "operation_outputs" VALUES('64658ded-1d71-4507-8490-20e712895c2d/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853385059,1795853385065,'py_pickle','darkroom',1795853385000);
INSERT INTO "operation_outputs" VALUES('fa53fbdf-f427-4c8b-ba94-c8c87ebd1346/1',2,'follow',NULL,'gASVoQAAAAAAAACMDGNvbWZ5LmVycm9yc5SMD0V4ZWN1dGlvbkZhaWxlZJSTlIwcR2F0ZSAobm9kZSAyKSBmYWlsZWQ6IGJyb2tlbpSFlIGUfZQojAdub2RlX2lklIwBMpSMCmNsYXNzX3R5cGWUjARHYXRllIwOZXhjZXB0aW9uX3R5cGWUjAxUaW1lb3V0RXJyb3KUjAdtZXNzYWdllIwGYnJva2VulHViLg==',NULL,1795853385034,1795853405031,'py_pickle','darkroom',1795853405000);
INSERT INTO "operation_outputs" VALUES('64658ded-1d71-4507-8490-20e712895c2d/1',2,'follow',NULL,'gASVoQAAAAAAAACMDGNvbWZ5LmVycm9yc5SMD0V4ZWN1dGlvbkZhaWxlZJSTlIwcR2F0ZSAobm9kZSAyKSBmYWlsZWQ6IGJyb2tlbpSFlIGUfZQojAdub2RlX2lklIwBMpSMCmNsYXNzX3R5cGWUjARHYXRllIwOZXhjZXB0aW9uX3R5cGWUjAxUaW1lb3V0RXJyb3KUjAdtZXNzYWdllIwGYnJva2VulHViLg==',NULL,1795853385071,1795853405062,'py_pickle','darkroom',1795853405000);
INSERT INTO "operation_outputs" VALUES('57cf4a89-e82e-43e1-a0bc-530460e55774/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853405121,1795853405124,'py_pickle','darkroom',1795853405000);
INSERT INTO "operation_outputs" VALUES('57cf4a89-e82e-43e1-a0bc-530460e55774/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795853405129,1795853405131,'py_pickle','darkroom',1795853405000);
INSERT INTO "operation_outputs" VALUES('236b7b87-3cfa-44dc-9dbe-62f1206e5723/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853405526,1795853405532,'py_pickle','darkroom',1795853405000);
INSERT INTO "operation_outputs" VALUES('236b7b87-3cfa-44dc-9dbe-62f1206e5723/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795853405535,1795853405542,'py_pickle','darkroom',1795853405000);
INSERT INTO "operation_outputs" VALUES('aacb8863-636d-4e48-8f60-9b17f3a33366/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853405598,1795853405602,'py_pickle','darkroom',1795853405000);
INSERT INTO "operation_outputs" VALUES('aacb8863-636d-4e48-8f60-9b17f3a33366/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795853405605,1795853405609,'py_pickle','darkroom',1795853405000);
INSERT INTO "operation_outputs" VALUES('291a87c5-38e7-49f7-a0ae-4df7a1371677/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853405630,1795853405651,'py_pickle','darkroom',1795853405000);
INSERT INTO "operation_outputs" VALUES('291a87c5-38e7-49f7-a0ae-4df7a1371677/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795853405656,1795853405659,'py_pickle','darkroom',1795853405000);
INSERT INTO "operation_outputs" VALUES('e5cd31cb-a516-486e-a260-7614f6a7038e/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853416052,1795853416060,'py_pickle','darkroom',1795853416000);
INSERT INTO "operation_outputs" VALUES('e5cd31cb-a516-486e-a260-7614f6a7038e/1',2,'follow','gASVKgAAAAAAAACMJnsibm90aGluZ19uZXciOiBmYWxzZSwgIndhcm5pbmdzIjogW119lC4=',NULL,NULL,1795853416066,1795853416068,'py_pickle','darkroom',1795853416000);
INSERT INTO "operation_outputs" VALUES('99cca2ad-06ae-49fc-8c37-e6ff602bfbed/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853416210,1795853416213,'py_pickle','darkroom',1795853416000);
INSERT INTO "operation_outputs" VALUES('29b27204-e617-45a2-aa4a-07690f4ecaed/1',1,'submit','gASVBgAAAAAAAACMAltdlC4=',NULL,NULL,1795853416244,1795853416248,'py_pickle','darkroom',1795853416000);
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
INSERT INTO "workflow_input" VALUES('aaa7d675-34db-4104-86d8-7a9b8dedcb12/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCRhYWE3ZDY3NS0zNGRiLTQxMDQtODZkOC03YTliOGRlZGNiMTKUSwGGlIwGa3dhcmdzlH2UdS4=',1795853381000);
INSERT INTO "workflow_input" VALUES('265d1f2d-227b-42c1-af75-bfadbe779ecb/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQyNjVkMWYyZC0yMjdiLTQyYzEtYWY3NS1iZmFkYmU3NzllY2KUSwGGlIwGa3dhcmdzlH2UdS4=',1795853381000);
INSERT INTO "workflow_input" VALUES('95a05598-7e60-40f6-916d-8a4cc00d1b19/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ5NWEwNTU5OC03ZTYwLTQwZjYtOTE2ZC04YTRjYzAwZDFiMTmUSwGGlIwGa3dhcmdzlH2UdS4=',1795853381000);
INSERT INTO "workflow_input" VALUES('464e2110-f491-47a5-a828-476308f662a7/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ0NjRlMjExMC1mNDkxLTQ3YTUtYTgyOC00NzYzMDhmNjYyYTeUSwGGlIwGa3dhcmdzlH2UdS4=',1795853384000);
INSERT INTO "workflow_input" VALUES('fa53fbdf-f427-4c8b-ba94-c8c87ebd1346/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCRmYTUzZmJkZi1mNDI3LTRjOGItYmE5NC1jOGM4N2ViZDEzNDaUSwGGlIwGa3dhcmdzlH2UdS4=',1795853385000);
INSERT INTO "workflow_input" VALUES('64658ded-1d71-4507-8490-20e712895c2d/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ2NDY1OGRlZC0xZDcxLTQ1MDctODQ5MC0yMGU3MTI4OTVjMmSUSwGGlIwGa3dhcmdzlH2UdS4=',1795853385000);
INSERT INTO "workflow_input" VALUES('57cf4a89-e82e-43e1-a0bc-530460e55774/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ1N2NmNGE4OS1lODJlLTQzZTEtYTBiYy01MzA0NjBlNTU3NzSUSwGGlIwGa3dhcmdzlH2UdS4=',1795853405000);
INSERT INTO "workflow_input" VALUES('236b7b87-3cfa-44dc-9dbe-62f1206e5723/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQyMzZiN2I4Ny0zY2ZhLTQ0ZGMtOWRiZS02MmYxMjA2ZTU3MjOUSwGGlIwGa3dhcmdzlH2UdS4=',1795853405000);
INSERT INTO "workflow_input" VALUES('aacb8863-636d-4e48-8f60-9b17f3a33366/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCRhYWNiODg2My02MzZkLTRlNDgtOGY2MC05YjE3ZjNhMzMzNjaUSwGGlIwGa3dhcmdzlH2UdS4=',1795853405000);
INSERT INTO "workflow_input" VALUES('291a87c5-38e7-49f7-a0ae-4df7a1371677/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQyOTFhODdjNS0zOGU3LTQ5ZjctYTBhZS00ZGY3YTEzNzE2NzeUSwGGlIwGa3dhcmdzlH2UdS4=',1795853405000);
INSERT INTO "workflow_input" VALUES('e5cd31cb-a516-486e-a260-7614f6a7038e/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCRlNWNkMzFjYi1hNTE2LTQ4NmUtYTI2MC03NjE0ZjZhNzAzOGWUSwGGlIwGa3dhcmdzlH2UdS4=',1795853416000);
INSERT INTO "workflow_input" VALUES('99cca2ad-06ae-49fc-8c37-e6ff602bfbed/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQ5OWNjYTJhZC0wNmFlLTQ5ZmMtOGMzNy1lNmZmNjAyYmZiZWSUSwGGlIwGa3dhcmdzlH2UdS4=',1795853416000);
INSERT INTO "workflow_input" VALUES('29b27204-e617-45a2-aa4a-07690f4ecaed/1','gASVQgAAAAAAAAB9lCiMBGFyZ3OUjCQyOWIyNzIwNC1lNjE3LTQ1YTItYWE0YS0wNzY5MGY0ZWNhZWSUSwGGlIwGa3dhcmdzlH2UdS4=',1795853416000);
CREATE TABLE workflow_output (
    workflow_uuid TEXT NOT NULL PRIMARY KEY,
    output TEXT,
    error TEXT,
    retention_timestamp INTEGER NOT NULL DEFAULT (strftime('%s','now') * 1000)
);
INSERT INTO "workflow_output" VALUES('aaa7d675-34db-4104-86d8-7a9b8dedcb12/1','gAROLg==',NULL,1795853381000);
INSERT INTO "workflow_output" VALUES('265d1f2d-227b-42c1-af75-bfadbe779ecb/1','gAROLg==',NULL,1795853381000);
INSERT INTO "workflow_output" VALUES('464e2110-f491-47a5-a828-476308f662a7/1','gAROLg==',NULL,1795853384000);
INSERT INTO "workflow_output" VALUES('95a05598-7e60-40f6-916d-8a4cc00d1b19/1','gAROLg==',NULL,1795853384000);
INSERT INTO "workflow_output" VALUES('fa53fbdf-f427-4c8b-ba94-c8c87ebd1346/1','gAROLg==',NULL,1795853405000);
INSERT INTO "workflow_output" VALUES('64658ded-1d71-4507-8490-20e712895c2d/1','gAROLg==',NULL,1795853405000);
INSERT INTO "workflow_output" VALUES('57cf4a89-e82e-43e1-a0bc-530460e55774/1','gAROLg==',NULL,1795853405000);
INSERT INTO "workflow_output" VALUES('236b7b87-3cfa-44dc-9dbe-62f1206e5723/1','gAROLg==',NULL,1795853405000);
INSERT INTO "workflow_output" VALUES('aacb8863-636d-4e48-8f60-9b17f3a33366/1','gAROLg==',NULL,1795853405000);
INSERT INTO "workflow_output" VALUES('291a87c5-38e7-49f7-a0ae-4df7a1371677/1','gAROLg==',NULL,1795853405000);
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
INSERT INTO "workflow_status" VALUES('aaa7d675-34db-4104-86d8-7a9b8dedcb12/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853381000,1795853381000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795853381000,'null',NULL,NULL,0,'darkroom','5173ab24-87ec-44d2-a0bb-229a4ce05a09');
INSERT INTO "workflow_status" VALUES('265d1f2d-227b-42c1-af75-bfadbe779ecb/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853381000,1795853381000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795853381000,'null',NULL,NULL,0,'darkroom','e969409c-2d12-40f3-a5e5-d3ad4128df14');
INSERT INTO "workflow_status" VALUES('95a05598-7e60-40f6-916d-8a4cc00d1b19/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853381000,1795853384000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795853384000,'null',NULL,NULL,0,'darkroom','fb94ff83-3d82-4152-98b4-574ddd163abf');
INSERT INTO "workflow_status" VALUES('464e2110-f491-47a5-a828-476308f662a7/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853384000,1795853384000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795853384000,'null',NULL,NULL,0,'darkroom','d08e5a80-72b3-45ac-9913-6d5bbcd75619');
INSERT INTO "workflow_status" VALUES('fa53fbdf-f427-4c8b-ba94-c8c87ebd1346/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853385000,1795853405000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795853405000,'null',NULL,NULL,0,'darkroom','94ec9952-be39-42c0-87ac-162e9d5732b0');
INSERT INTO "workflow_status" VALUES('64658ded-1d71-4507-8490-20e712895c2d/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853385000,1795853405000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795853405000,'null',NULL,NULL,0,'darkroom','21a14a46-7680-4d51-ac9a-5e5157161e57');
INSERT INTO "workflow_status" VALUES('57cf4a89-e82e-43e1-a0bc-530460e55774/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853405000,1795853405000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795853405000,'null',NULL,NULL,0,'darkroom','44d85bf6-9055-45f9-ae99-ab3d841f7f93');
INSERT INTO "workflow_status" VALUES('236b7b87-3cfa-44dc-9dbe-62f1206e5723/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853405000,1795853405000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795853405000,'null',NULL,NULL,0,'darkroom','a374842c-db34-4924-8189-190011d5e882');
INSERT INTO "workflow_status" VALUES('aacb8863-636d-4e48-8f60-9b17f3a33366/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853405000,1795853405000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795853405000,'null',NULL,NULL,0,'darkroom','9d7f8816-aa94-4f71-990a-456e43983e26');
INSERT INTO "workflow_status" VALUES('291a87c5-38e7-49f7-a0ae-4df7a1371677/1','SUCCESS','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853405000,1795853405000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,NULL,NULL,'py_pickle',NULL,0,0,1795853405000,'null',NULL,NULL,0,'darkroom','f23fad1b-14d6-4428-977a-1b29afdf93bc');
INSERT INTO "workflow_status" VALUES('e5cd31cb-a516-486e-a260-7614f6a7038e/1','PENDING','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853416000,1795853416000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'9db3c346-63c5-400a-8c95-001e0c4e5c66',NULL,'py_pickle',NULL,0,0,NULL,'null',NULL,NULL,0,'darkroom','9db3c346-63c5-400a-8c95-001e0c4e5c66');
INSERT INTO "workflow_status" VALUES('99cca2ad-06ae-49fc-8c37-e6ff602bfbed/1','PENDING','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853416000,1795853416000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'9a93444b-246e-436c-b1ec-794e273d0315',NULL,'py_pickle',NULL,0,0,NULL,'null',NULL,NULL,0,'darkroom','9a93444b-246e-436c-b1ec-794e273d0315');
INSERT INTO "workflow_status" VALUES('29b27204-e617-45a2-aa4a-07690f4ecaed/1','PENDING','develop',NULL,NULL,NULL,NULL,NULL,NULL,'darkroom',1795853416000,1795853416000,'1 darkroom','',NULL,NULL,1,NULL,NULL,NULL,NULL,NULL,NULL,0,NULL,NULL,'ef0566a8-18a9-4992-8f6c-4556733f4af7',NULL,'py_pickle',NULL,0,0,NULL,'null',NULL,NULL,0,'darkroom','ef0566a8-18a9-4992-8f6c-4556733f4af7');
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
