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
INSERT INTO "audit" VALUES(1,1.79585340518372631071e+09,'telegram:-100500','-100500','Friends','telegram:1004','User1004','review','A moderator looks at results first: every workflow in all places here.','[{"before": null, "after": {"kind": "review", "body": {"on": true, "channel": ""}}}]',0);
INSERT INTO "audit" VALUES(2,1.79585340523191261288e+09,'telegram:-100500','-100500','Friends','telegram:1004','User1004','words','The list “rude” of words holds in all places here.','[{"before": null, "after": {"kind": "wordlist", "name": "rude", "body": {"words": ["badword"], "patterns": [], "hold": true}}}]',0);
INSERT INTO "audit" VALUES(3,1.79585340528460407258e+09,'telegram:-100500','-100500','Friends','telegram:1004','User1004','limit','The limit holds: 100 runs a day in all places here.','[{"before": null, "after": {"kind": "limit", "name": "day", "body": {"most": 100}}}]',0);
INSERT INTO "audit" VALUES(4,1.79585340545025181767e+09,'discord:1576148037577736193','1576148037577736252','general','discord:503','User 503','review','A moderator looks at results first: every workflow in all places here.','[{"before": null, "after": {"kind": "review", "body": {"on": true, "channel": "1576148037577736253"}}}]',0);
CREATE TABLE charges (
	run_id VARCHAR(36) NOT NULL, 
	person VARCHAR(128) NOT NULL, 
	spots TEXT NOT NULL, 
	workflow VARCHAR(64) NOT NULL, 
	at FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, community VARCHAR(128) DEFAULT '' NOT NULL, settled_at FLOAT, 
	PRIMARY KEY (run_id)
);
INSERT INTO "charges" VALUES('aaa7d675-34db-4104-86d8-7a9b8dedcb12','telegram:1000','|','negative',1.79585338137836694714e+09,5.25567531585693359375e-02,'',1.79585338145183873179e+09);
INSERT INTO "charges" VALUES('265d1f2d-227b-42c1-af75-bfadbe779ecb','discord:501','|discord:1576148037577736192/1576148037577736228|discord:1576148037577736192|','negative',1.79585338156338191039e+09,5.6704044342041015625e-02,'discord:1576148037577736192',1.79585338164097428319e+09);
INSERT INTO "charges" VALUES('95a05598-7e60-40f6-916d-8a4cc00d1b19','telegram:1002','|','gated',1.79585338175314402579e+09,3.18409824371337890625e+00,'',1.79585338495128417008e+09);
INSERT INTO "charges" VALUES('464e2110-f491-47a5-a828-476308f662a7','discord:501','|discord:1576148037577736192/1576148037577736230|discord:1576148037577736192|','gated',1.79585338487238216397e+09,5.9597015380859375e-02,'discord:1576148037577736192',1.7958533849482095242e+09);
INSERT INTO "charges" VALUES('57cf4a89-e82e-43e1-a0bc-530460e55774','web:2bdbcdc5d2990908a32b35a61ffb80c1','|','plain',1.79585340510147285462e+09,0.0306704044342041,'',1.79585340513756442065e+09);
INSERT INTO "charges" VALUES('1c79c5d2-62c1-41f9-bd64-2da1e47e4109','telegram:1003','|telegram:-100500/-100500|telegram:-100500|','gated',1.79585340535773110392e+09,1.62184762954711914062e+00,'telegram:-100500',NULL);
INSERT INTO "charges" VALUES('236b7b87-3cfa-44dc-9dbe-62f1206e5723','telegram:1003','|telegram:-100500/-100500|telegram:-100500|','plain',1.79585340545858812327e+09,2.94563770294189453125e-02,'telegram:-100500',1.79585340554520940786e+09);
INSERT INTO "charges" VALUES('aacb8863-636d-4e48-8f60-9b17f3a33366','discord:501','|discord:1576148037577736193/1576148037577736252|discord:1576148037577736193|','plain',1.79585340552556824685e+09,2.784633636474609375e-02,'discord:1576148037577736193',1.79585340561251592637e+09);
INSERT INTO "charges" VALUES('291a87c5-38e7-49f7-a0ae-4df7a1371677','discord:501','|discord:1576148037577736193/1576148037577736252|discord:1576148037577736193|','plain',1.79585340554846811288e+09,5.3794384002685546875e-02,'discord:1576148037577736193',1.79585340566669130323e+09);
INSERT INTO "charges" VALUES('e5cd31cb-a516-486e-a260-7614f6a7038e','telegram:1009','|','plain',1.79585341602419066428e+09,3.2458782196044921875e-02,'',1.79585341607192397117e+09);
INSERT INTO "charges" VALUES('99cca2ad-06ae-49fc-8c37-e6ff602bfbed','discord:501','|discord:1576148037577736192/1576148037577736301|discord:1576148037577736192|','gated',1.79585341615767478938e+09,1.62184762954711914062e+00,'discord:1576148037577736192',NULL);
INSERT INTO "charges" VALUES('29b27204-e617-45a2-aa4a-07690f4ecaed','telegram:1010','|','gated',1.79585341620940232279e+09,1.62184762954711914062e+00,'',NULL);
INSERT INTO "charges" VALUES('48f09518-5506-438b-8207-2a8641fe5f68','discord:502','|discord:1576148037577736192/1576148037577736302|discord:1576148037577736192|','gated',1.79585341726639771461e+09,1.62184762954711914062e+00,'discord:1576148037577736192',NULL);
INSERT INTO "charges" VALUES('1a41af2a-accd-400d-b2c2-073fa41de754','telegram:1011','|','gated',1.7958534172906837463e+09,1.62184762954711914062e+00,'',NULL);
INSERT INTO "charges" VALUES('688e5dfc-e006-45d6-8697-fe8cbc9131b6','web:2bdbcdc5d2990908a32b35a61ffb80c1','|','gated',1795853418.33464,1.62184762954711914062e+00,'',NULL);
CREATE TABLE editions (
	community VARCHAR(128) NOT NULL, 
	edition INTEGER NOT NULL, 
	PRIMARY KEY (community)
);
INSERT INTO "editions" VALUES('telegram:-100500',3);
INSERT INTO "editions" VALUES('discord:1576148037577736193',4);
CREATE TABLE line (
	id INTEGER NOT NULL, 
	turn INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "line" VALUES(1,12);
CREATE TABLE notes (
	name VARCHAR(200) NOT NULL, 
	value JSON NOT NULL, 
	at FLOAT NOT NULL, 
	PRIMARY KEY (name)
);
INSERT INTO "notes" VALUES('links:secret','"35f9f004cec60c4827a6c0f69069bdeb7f03f7a94221ea2709822b02b0045372"',1.79585338149696326255e+09);
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
INSERT INTO "rules" VALUES(1,'review','','telegram:-100500','','','','','','{"on": true, "channel": ""}');
INSERT INTO "rules" VALUES(2,'wordlist','rude','telegram:-100500','','','','','','{"words": ["badword"], "patterns": [], "hold": true}');
INSERT INTO "rules" VALUES(3,'limit','day','telegram:-100500','','','','','','{"most": 100}');
INSERT INTO "rules" VALUES(4,'review','','discord:1576148037577736193','','','','','','{"on": true, "channel": "1576148037577736253"}');
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
INSERT INTO "runs" VALUES(1,'aaa7d675-34db-4104-86d8-7a9b8dedcb12','negative','{}','{"photo": {"key": "10/1065ba3c53df2ba4ba23b6bef88b9f1604574e59df53593bc91093c3972890e8.jpg", "filename": "photo-1000.jpg", "kind": "image"}}','photo-1000-negative','telegram:1000','User1000','telegram:1000','Ann','telegram:','1000','1001','negative {}','[]',0,1,0,0,'done',1,'','[]','one','darkroom',NULL,'{"files": [{"key": "db/dba3db0f26bf4de1b6d2e92bffe78a7e2882828b01f0789f23bb183d2d9dea34.png", "filename": "photo-1000-negative.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585338137836694714e+09,1.79585338139928197857e+09,1.79585338145183873179e+09,1.79585338152393603327e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(2,'265d1f2d-227b-42c1-af75-bfadbe779ecb','negative','{}','{"photo": {"key": "2a/2ab211094b96ca919c05a4509c0113f18227f7c483a58c6d30ddd578d18c2176.png", "filename": "photo.png", "kind": "image"}}','photo-negative','discord:501','User 501','discord:1576148037577736228','general','discord:1576148037577736192','1576148037577736228','{"message": 1576148037577736235, "token": "tok-1576148037577736233", "until": 1795854221.5679376, "bytes": 10485760, "member": true, "spoiler": false}','negative {}','[]',0,2,0,0,'done',1,'','[]','one','darkroom',NULL,'{"files": [{"key": "e5/e50f6f1b38b93ce395ac689af1ae822918eb046cc3da4f923c9de13c1d60af2b.png", "filename": "photo-negative.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585338156338191039e+09,1.79585338158427023887e+09,1.79585338164097428319e+09,1.79585338169457435606e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','["1576148037577736192"]',0,'[]','',1);
INSERT INTO "runs" VALUES(3,'95a05598-7e60-40f6-916d-8a4cc00d1b19','gated','{"color": 0, "gate": "unwanted"}','{}','gated','telegram:1002','User1002','telegram:1002','Ann','telegram:','1002','1003','gated {}','[]',0,3,0,0,'cancelled',1,'','[]','one','darkroom','telegram:1002:User1002',NULL,NULL,1.79585338175314402579e+09,1.79585338176718592646e+09,NULL,1.79585338495128417008e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(4,'464e2110-f491-47a5-a828-476308f662a7','gated','{"color": 0, "gate": "unwanted"}','{}','gated','discord:501','User 501','discord:1576148037577736230','general','discord:1576148037577736192','1576148037577736230','{"message": 1576148037577736244, "token": "tok-1576148037577736242", "until": 1795854224.8750448, "bytes": 10485760, "member": true, "spoiler": false}','gated {}','[]',0,4,0,0,'cancelled',1,'','[]','two','darkroom','discord:501:User 501',NULL,NULL,1.79585338487238216397e+09,1.79585338488861250873e+09,NULL,1.7958533849482095242e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','["1576148037577736192"]',0,'[]','',1);
INSERT INTO "runs" VALUES(5,'fa53fbdf-f427-4c8b-ba94-c8c87ebd1346','gated','{"color": 0, "gate": "broken"}','{}','gated','discord:501','User 501','discord:1576148037577736229','general','discord:1576148037577736192','1576148037577736229','{"message": 1576148037577736251, "token": "tok-1576148037577736249", "until": 1795854224.9880984, "bytes": 10485760, "member": true, "spoiler": false}','gated {}','[]',0,5,0,0,'failed',1,'','[]','one','darkroom',NULL,NULL,'“Gate” failed: broken',1.79585338498263955117e+09,1.79585338502076077458e+09,NULL,1.79585340503908586504e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','["1576148037577736192"]',0,'[]','',1);
INSERT INTO "runs" VALUES(6,'64658ded-1d71-4507-8490-20e712895c2d','gated','{"color": 0, "gate": "broken"}','{}','gated','telegram:1001','User1001','telegram:1001','Ann','telegram:','1001','1006','gated {}','[]',0,5,0,0,'failed',1,'','[]','two','darkroom',NULL,NULL,'“Gate” failed: broken',1.7958533850077707767e+09,1.7958533850359375477e+09,NULL,1.7958534050724172592e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(7,'57cf4a89-e82e-43e1-a0bc-530460e55774','plain','{"color": 5}','{}','plain','web:2bdbcdc5d2990908a32b35a61ffb80c1','a visitor of the page','web:2bdbcdc5d2990908a32b35a61ffb80c1','','web:','2bdbcdc5d2990908a32b35a61ffb80c1','7e89cd33aa214734b9aec50323d8bfcf','plain {}','[]',0,6,0,0,'done',1,'','[]','one','darkroom',NULL,'{"files": [{"key": "1c/1c94caa6cf524d6f4dbd1e22e5994a10d75f04d7deab13f201826551d1e1f586.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585340510147285462e+09,1.79585340510689401628e+09,1.79585340513756442065e+09,1.79585340516050028804e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(8,'1c79c5d2-62c1-41f9-bd64-2da1e47e4109','gated','{"color": 0, "gate": "badword"}','{}','gated','telegram:1003','User1003','telegram:-100500','Friends','telegram:-100500','-100500','1015','gated {}','[]',0,7,0,0,'held',1,'','[]',NULL,NULL,NULL,NULL,NULL,1.79585340535773110392e+09,NULL,NULL,NULL,1,'',1.79585340613561654085e+09,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(9,'236b7b87-3cfa-44dc-9dbe-62f1206e5723','plain','{"color": 7}','{}','plain','telegram:1003','User1003','telegram:-100500','Friends','telegram:-100500','-100500','1017','plain {}','[]',0,7,0,0,'held',1,'','[]','one',NULL,NULL,'{"files": [{"key": "f6/f6328607335bbcff55245b8306f0503e858f117cd09c2e8d9359bed99faeb076.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585340545858812327e+09,1.79585340551575303076e+09,1.79585340554520940786e+09,NULL,1,'',1.79585340614635062214e+09,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(10,'aacb8863-636d-4e48-8f60-9b17f3a33366','plain','{"color": 1}','{}','plain','discord:501','User 501','discord:1576148037577736252','general','discord:1576148037577736193','1576148037577736252','{"message": 1576148037577736263, "token": "tok-1576148037577736258", "until": 1795854245.5360477, "bytes": 10485760, "member": true, "spoiler": false}','plain {}','[]',0,8,0,0,'held',1,'','[]','one',NULL,NULL,'{"files": [{"key": "0b/0bd0417d9ef0e6b65fb3be78905caedf3ac220ed1fb30d83470c3f6401a1c16a.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585340552556824685e+09,1.79585340558466958994e+09,1.79585340561251592637e+09,NULL,1,'1576148037577736253',1.79585340615464949609e+09,'{"results": "here", "previews": true, "spoilers": false}','["1576148037577736193"]',0,'[]','',1);
INSERT INTO "runs" VALUES(11,'291a87c5-38e7-49f7-a0ae-4df7a1371677','plain','{"color": 2}','{}','plain','discord:501','User 501','discord:1576148037577736252','general','discord:1576148037577736193','1576148037577736252','{"message": 1576148037577736264, "token": "tok-1576148037577736260", "until": 1795854245.5519702, "bytes": 10485760, "member": true, "spoiler": false}','plain {}','[]',0,9,1,0,'held',1,'','[]','one',NULL,NULL,'{"files": [{"key": "5b/5b5193265448e64732380fc2b9acacc7d6963dd60cc9875eff915bb56da62c77.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585340554846811288e+09,1.79585340561289691927e+09,1.79585340566669130323e+09,NULL,1,'1576148037577736253',1.79585340616888022424e+09,'{"results": "here", "previews": true, "spoilers": false}','["1576148037577736193"]',0,'[]','',1);
INSERT INTO "runs" VALUES(12,'e5cd31cb-a516-486e-a260-7614f6a7038e','plain','{"color": 3}','{}','plain','telegram:1009','User1009','telegram:1009','Ann','telegram:','1009','1045','plain {}','[]',0,10,0,0,'delivering',1,'','[]','one','darkroom',NULL,'{"files": [{"key": "a7/a7ea100c0e718c70b0d684b7694d64abcb1a7d98ab1f70fd6c7d7d2a380edf82.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585341602419066428e+09,1.79585341603946518898e+09,1.79585341607192397117e+09,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(13,'99cca2ad-06ae-49fc-8c37-e6ff602bfbed','gated','{"color": 0, "gate": "running"}','{}','gated','discord:501','User 501','discord:1576148037577736301','general','discord:1576148037577736192','1576148037577736301','{"message": 1576148037577736306, "token": "tok-1576148037577736304", "until": 1795854256.1725368, "bytes": 10485760, "member": true, "spoiler": false}','gated {}','[]',0,11,0,0,'running',1,'','[]','one','darkroom',NULL,NULL,NULL,1.79585341615767478938e+09,1.79585341619862341885e+09,NULL,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','["1576148037577736192"]',0,'[]','',1);
INSERT INTO "runs" VALUES(14,'29b27204-e617-45a2-aa4a-07690f4ecaed','gated','{"color": 0, "gate": "running"}','{}','gated','telegram:1010','User1010','telegram:1010','Ann','telegram:','1010','1047','gated {}','[]',0,12,0,0,'running',1,'','[]','two','darkroom',NULL,NULL,NULL,1.79585341620940232279e+09,1.79585341622915339475e+09,NULL,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(15,'48f09518-5506-438b-8207-2a8641fe5f68','gated','{"color": 0, "gate": "waiting"}','{}','gated','discord:502','User 502','discord:1576148037577736302','general','discord:1576148037577736192','1576148037577736302','{"message": 1576148037577736310, "token": "tok-1576148037577736308", "until": 1795854257.2747931, "bytes": 10485760, "member": true, "spoiler": false}','gated {}','[]',0,13,0,0,'waiting',1,'','[]',NULL,NULL,NULL,NULL,NULL,1.79585341726639771461e+09,NULL,NULL,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','["1576148037577736192"]',0,'[]','',1);
INSERT INTO "runs" VALUES(16,'1a41af2a-accd-400d-b2c2-073fa41de754','gated','{"color": 0, "gate": "waiting"}','{}','gated','telegram:1011','User1011','telegram:1011','Ann','telegram:','1011','1049','gated {}','[]',0,13,0,0,'waiting',1,'','[]',NULL,NULL,NULL,NULL,NULL,1.7958534172906837463e+09,NULL,NULL,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(17,'688e5dfc-e006-45d6-8697-fe8cbc9131b6','gated','{"color": 0, "gate": "waiting"}','{}','gated','web:2bdbcdc5d2990908a32b35a61ffb80c1','a visitor of the page','web:2bdbcdc5d2990908a32b35a61ffb80c1','','web:','2bdbcdc5d2990908a32b35a61ffb80c1','b48005cfd8a2457eb6a1eb1d76a46f3c','gated {}','[]',0,13,0,0,'waiting',1,'','[]',NULL,NULL,NULL,NULL,NULL,1795853418.33464,NULL,NULL,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
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
INSERT INTO "uses" VALUES('10/1065ba3c53df2ba4ba23b6bef88b9f1604574e59df53593bc91093c3972890e8.jpg','aaa7d675-34db-4104-86d8-7a9b8dedcb12');
INSERT INTO "uses" VALUES('db/dba3db0f26bf4de1b6d2e92bffe78a7e2882828b01f0789f23bb183d2d9dea34.png','aaa7d675-34db-4104-86d8-7a9b8dedcb12');
INSERT INTO "uses" VALUES('2a/2ab211094b96ca919c05a4509c0113f18227f7c483a58c6d30ddd578d18c2176.png','265d1f2d-227b-42c1-af75-bfadbe779ecb');
INSERT INTO "uses" VALUES('e5/e50f6f1b38b93ce395ac689af1ae822918eb046cc3da4f923c9de13c1d60af2b.png','265d1f2d-227b-42c1-af75-bfadbe779ecb');
INSERT INTO "uses" VALUES('1c/1c94caa6cf524d6f4dbd1e22e5994a10d75f04d7deab13f201826551d1e1f586.png','57cf4a89-e82e-43e1-a0bc-530460e55774');
INSERT INTO "uses" VALUES('f6/f6328607335bbcff55245b8306f0503e858f117cd09c2e8d9359bed99faeb076.png','236b7b87-3cfa-44dc-9dbe-62f1206e5723');
INSERT INTO "uses" VALUES('0b/0bd0417d9ef0e6b65fb3be78905caedf3ac220ed1fb30d83470c3f6401a1c16a.png','aacb8863-636d-4e48-8f60-9b17f3a33366');
INSERT INTO "uses" VALUES('5b/5b5193265448e64732380fc2b9acacc7d6963dd60cc9875eff915bb56da62c77.png','291a87c5-38e7-49f7-a0ae-4df7a1371677');
INSERT INTO "uses" VALUES('a7/a7ea100c0e718c70b0d684b7694d64abcb1a7d98ab1f70fd6c7d7d2a380edf82.png','e5cd31cb-a516-486e-a260-7614f6a7038e');
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
