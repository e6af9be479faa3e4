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
INSERT INTO "notes" VALUES('telegram:commands:default','"91fbe7b0cbac167ecc93c71e866809d15e9bc29e5c57be8a528a667d4565af48"',1.79585456388019561765e+09);
INSERT INTO "notes" VALUES('telegram:commands:all_private_chats','"91fbe7b0cbac167ecc93c71e866809d15e9bc29e5c57be8a528a667d4565af48"',1.79585456389398717873e+09);
INSERT INTO "notes" VALUES('telegram:commands:all_group_chats','"91fbe7b0cbac167ecc93c71e866809d15e9bc29e5c57be8a528a667d4565af48"',1.79585456391620659831e+09);
INSERT INTO "notes" VALUES('telegram:commands:administrators','"4af2e3f541d39a2c054ac3ab915721be2c188ceb98727f8b282456639f42c4af"',1.79585456399946212773e+09);
INSERT INTO "notes" VALUES('telegram:update:1','{}',1.79585456659356951713e+09);
INSERT INTO "notes" VALUES('telegram:opened:1',1001,1.79585456640852761268e+09);
INSERT INTO "notes" VALUES('telegram:update:2','{}',1.79585456716900539395e+09);
INSERT INTO "notes" VALUES('telegram:opened:2',1003,1.79585456714125967026e+09);
INSERT INTO "notes" VALUES('telegram:update:3','{}',1.79585456926428604128e+09);
INSERT INTO "notes" VALUES('telegram:update:4','{}',1.79585457052906131742e+09);
INSERT INTO "notes" VALUES('telegram:opened:4',1006,1.79585457047711205482e+09);
INSERT INTO "notes" VALUES('telegram:update:5','{}',1.79585459102851867675e+09);
INSERT INTO "notes" VALUES('telegram:update:6','{}',1.79585459112582349777e+09);
INSERT INTO "notes" VALUES('telegram:update:7','{}',1.79585459122609400741e+09);
INSERT INTO "notes" VALUES('telegram:update:8','{}',1.79585459146241760257e+09);
INSERT INTO "notes" VALUES('telegram:update:9','{}',1.79585459182765507695e+09);
INSERT INTO "notes" VALUES('telegram:opened:8',1015,1.79585459129691982268e+09);
INSERT INTO "notes" VALUES('telegram:update:10','{}',1.79585459161400938033e+09);
INSERT INTO "notes" VALUES('telegram:opened:9',1017,1.79585459152927207947e+09);
INSERT INTO "notes" VALUES('telegram:update:11','{}',1.79585459175353217122e+09);
INSERT INTO "notes" VALUES('telegram:update:12','{}',1.795854592277105093e+09);
INSERT INTO "notes" VALUES('telegram:update:13','{}',1.79585459228791952134e+09);
INSERT INTO "notes" VALUES('telegram:draft:1005:1005','{"workflow": "negative", "values": {}, "files": {}, "spare": [], "words": "", "message": 1022, "asking": "photo", "page": 0, "wide": false, "hidden": false, "id": "82496ca8"}',1.79585459212306809426e+09);
INSERT INTO "notes" VALUES('telegram:draft:1006:1006','{"workflow": "wide", "values": {"text": "a house"}, "files": {}, "spare": [], "words": "", "message": 1028, "asking": "model", "page": 0, "wide": true, "hidden": false, "id": "08e1eaed"}',1.79585459538294172285e+09);
INSERT INTO "notes" VALUES('telegram:update:14','{}',1.79585459319232511516e+09);
INSERT INTO "notes" VALUES('telegram:update:15','{}',1.79585459425688815119e+09);
INSERT INTO "notes" VALUES('telegram:update:16','{}',1.79585459533344936368e+09);
INSERT INTO "notes" VALUES('telegram:update:17','{}',1.79585459637725901611e+09);
INSERT INTO "notes" VALUES('telegram:update:18','{}',1.79585459647067475314e+09);
INSERT INTO "notes" VALUES('telegram:draft:1007:1007','{"workflow": "", "values": {}, "files": {}, "spare": [{"file_id": "file5", "filename": "photo-1030.jpg", "kind": "image"}], "words": "", "message": 1031, "asking": "", "page": 0, "wide": false, "hidden": false, "id": "a2f97a2f"}',1.79585459644437074665e+09);
INSERT INTO "notes" VALUES('telegram:update:19','{}',1.79585459658006620399e+09);
INSERT INTO "notes" VALUES('telegram:update:20','{}',1.79585459762610578533e+09);
INSERT INTO "notes" VALUES('telegram:update:21','{}',1.79585459867842841151e+09);
INSERT INTO "notes" VALUES('telegram:draft:1008:1008','{"workflow": "", "values": {}, "files": {}, "spare": [], "words": "", "message": 1037, "asking": "", "page": 0, "wide": false, "hidden": false, "id": "e6cae33d"}',1.79585459867497777937e+09);
INSERT INTO "notes" VALUES('telegram:update:22','{}',1.79585459972344064711e+09);
INSERT INTO "notes" VALUES('telegram:update:23','{}',1.79585460077448916434e+09);
INSERT INTO "notes" VALUES('telegram:update:24','{}',1.79585460182695579533e+09);
INSERT INTO "notes" VALUES('telegram:update:25','{}',1.7958546019067459106e+09);
INSERT INTO "notes" VALUES('telegram:opened:25',1045,1.7958546018759946823e+09);
INSERT INTO "notes" VALUES('telegram:update:26','{}',1.79585460225932383535e+09);
INSERT INTO "notes" VALUES('telegram:opened:26',1047,1.79585460221210122108e+09);
INSERT INTO "notes" VALUES('telegram:update:27','{}',1.7958546033602392673e+09);
INSERT INTO "notes" VALUES('telegram:opened:27',1049,1.79585460328494930272e+09);
INSERT INTO "notes" VALUES('telegram:update:28','{"message": {"caption": "/negative", "caption_entities": [{"length": 9, "offset": 0, "type": "bot_command"}], "channel_chat_created": false, "delete_chat_photo": false, "group_chat_created": false, "photo": [{"height": 60, "width": 90, "file_id": "file6", "file_size": 10, "file_unique_id": "s"}, {"height": 48, "width": 64, "file_id": "file7", "file_size": 10, "file_unique_id": "s"}], "supergroup_chat_created": false, "chat": {"first_name": "Ann", "id": 1012, "type": "private"}, "date": 1795854604, "message_id": 1050, "from": {"first_name": "User1012", "id": 1012, "is_bot": false}}, "update_id": 28}',1.79585460439542388914e+09);
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
