BEGIN TRANSACTION;
CREATE TABLE alembic_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "alembic_version" VALUES('0006');
CREATE TABLE audit (
	seq INTEGER NOT NULL, 
	at FLOAT NOT NULL, 
	community VARCHAR(128) NOT NULL, 
	place VARCHAR(128) NOT NULL, 
	place_name TEXT NOT NULL, 
	person VARCHAR(128) NOT NULL, 
	person_name TEXT NOT NULL, 
	act VARCHAR(32) NOT NULL, 
	words TEXT NOT NULL, 
	changes JSON NOT NULL, 
	undone INTEGER NOT NULL, 
	PRIMARY KEY (seq)
);
CREATE TABLE charges (
	run_id VARCHAR(36) NOT NULL, 
	person VARCHAR(128) NOT NULL, 
	spots TEXT NOT NULL, 
	workflow VARCHAR(64) NOT NULL, 
	at FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, community VARCHAR(128) DEFAULT '' NOT NULL, settled_at FLOAT, 
	PRIMARY KEY (run_id)
);
CREATE TABLE editions (
	community VARCHAR(128) NOT NULL, 
	edition INTEGER NOT NULL, 
	PRIMARY KEY (community)
);
CREATE TABLE line (
	id INTEGER NOT NULL, 
	turn INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "line" VALUES(1,0);
CREATE TABLE notes (
	name VARCHAR(200) NOT NULL, 
	value JSON NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "notes" VALUES('discord:sheet:501:cdab4983ce07ee0b','{"workflow": "wide", "values": {}, "picture": null, "spoiler": false}',1.79585459644610333446e+09);
INSERT INTO "notes" VALUES('discord:sheet:501:f60a05d6360d5e24','{"workflow": "wide", "values": {"text": "a house", "avoid": null, "model": "model-07", "size": "small", "steps": "20"}, "picture": null, "spoiler": false}',1.79585459648928189276e+09);
INSERT INTO "notes" VALUES('discord:sheet:501:7c4195595b36486e','{"workflow": "poster", "values": {"photo": {"url": "http://discord.example/cdn/1576152985287786592-given.png", "filename": "given.png", "size": 138}, "colors": "99", "contrast": "1.3"}, "picture": null, "spoiler": false}',1.79585459651309800144e+09);
INSERT INTO "notes" VALUES('discord:sheet:501:bdb84dc14be93668','{"workflow": "", "values": {}, "picture": {"url": "http://discord.example/cdn/1576152985287786597-mine.png", "filename": "mine.png", "size": 142}, "spoiler": false}',1795854596.54419);
CREATE TABLE rules (
	seq INTEGER NOT NULL, 
	kind VARCHAR(16) NOT NULL, 
	name TEXT NOT NULL, 
	community VARCHAR(128) NOT NULL, 
	place VARCHAR(128) NOT NULL, 
	who VARCHAR(160) NOT NULL, 
	workflow VARCHAR(64) NOT NULL, 
	place_name TEXT NOT NULL, 
	who_name TEXT NOT NULL, 
	body JSON NOT NULL, 
	PRIMARY KEY (seq)
);
CREATE TABLE runs (
	seq INTEGER NOT NULL, 
	id VARCHAR(36) NOT NULL, 
	workflow VARCHAR(64) NOT NULL, 
	given JSON NOT NULL, 
	inputs JSON NOT NULL, 
	stem TEXT NOT NULL, 
	person VARCHAR(128) NOT NULL, 
	person_name TEXT NOT NULL, 
	place VARCHAR(128) NOT NULL, 
	place_name TEXT NOT NULL, 
	community VARCHAR(128) NOT NULL, 
	chat TEXT NOT NULL, 
	message TEXT NOT NULL, 
	kind TEXT NOT NULL, 
	models JSON NOT NULL, 
	priority INTEGER NOT NULL, 
	turn INTEGER NOT NULL, 
	depth INTEGER NOT NULL, 
	put_off INTEGER NOT NULL, 
	state VARCHAR(16) NOT NULL, 
	attempt INTEGER NOT NULL, 
	reason TEXT NOT NULL, 
	avoid JSON NOT NULL, 
	server TEXT, 
	worker TEXT, 
	cancelled_by TEXT, 
	outputs JSON, 
	sentence TEXT, 
	asked_at FLOAT NOT NULL, 
	started_at FLOAT, 
	executed_at FLOAT, 
	ended_at FLOAT, review INTEGER DEFAULT '0' NOT NULL, review_in TEXT DEFAULT '' NOT NULL, review_asked_at FLOAT, manner JSON, roles JSON DEFAULT '[]' NOT NULL, administrator INTEGER DEFAULT '0' NOT NULL, parents JSON DEFAULT '[]' NOT NULL, caps TEXT DEFAULT '' NOT NULL, opened INTEGER DEFAULT '1' NOT NULL, 
	PRIMARY KEY (seq), 
	UNIQUE (id)
);
CREATE TABLE servers (
	worker TEXT NOT NULL, 
	name TEXT NOT NULL, 
	at FLOAT NOT NULL, 
	up INTEGER NOT NULL, 
	at_once INTEGER NOT NULL, 
	edition VARCHAR(64), 
	info BLOB, 
	PRIMARY KEY (worker, name)
);
CREATE TABLE uses (
	"key" VARCHAR(128) NOT NULL, 
	run_id VARCHAR(36) NOT NULL, 
	PRIMARY KEY ("key", run_id)
);
CREATE INDEX runs_in_line ON runs (state, priority, turn, depth, seq);
CREATE INDEX runs_of_person ON runs (person, state, seq);
CREATE INDEX runs_of_community ON runs (community, state, seq);
CREATE INDEX runs_of_worker ON runs (worker, state);
CREATE INDEX runs_by_age ON runs (asked_at);
CREATE INDEX uses_of_run ON uses (run_id);
CREATE INDEX rules_of_community ON rules (community, kind);
CREATE INDEX ix_editions_edition ON editions (edition);
CREATE INDEX audit_of_community ON audit (community, seq);
CREATE INDEX audit_of_person ON audit (person, seq);
CREATE INDEX audit_by_act ON audit (act, at);
CREATE INDEX charges_of_person ON charges (person, at);
CREATE INDEX charges_by_age ON charges (at);
CREATE INDEX charges_of_workflow ON charges (workflow, at);
CREATE INDEX runs_by_message ON runs (chat, message);
CREATE INDEX runs_by_caps ON runs (state, caps);
CREATE INDEX charges_of_community ON charges (community, at);
CREATE INDEX runs_by_end ON runs (state, ended_at);
COMMIT;
