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
INSERT INTO "audit" VALUES(1,1.79585459092515516282e+09,'telegram:-100500','-100500','Friends','telegram:1004','User1004','review','A moderator looks at results first: every workflow in all places here.','[{"before": null, "after": {"kind": "review", "body": {"on": true, "channel": ""}}}]',0);
INSERT INTO "audit" VALUES(2,1.79585459105074477198e+09,'telegram:-100500','-100500','Friends','telegram:1004','User1004','words','The list “rude” of words holds in all places here.','[{"before": null, "after": {"kind": "wordlist", "name": "rude", "body": {"words": ["badword"], "patterns": [], "hold": true}}}]',0);
INSERT INTO "audit" VALUES(3,1.79585459114754295356e+09,'telegram:-100500','-100500','Friends','telegram:1004','User1004','limit','The limit holds: 100 runs a day in all places here.','[{"before": null, "after": {"kind": "limit", "name": "day", "body": {"most": 100}}}]',0);
INSERT INTO "audit" VALUES(4,1.79585459176438713073e+09,'discord:1576152985287786497','1576152985287786556','general','discord:503','User 503','review','A moderator looks at results first: every workflow in all places here.','[{"before": null, "after": {"kind": "review", "body": {"on": true, "channel": "1576152985287786557"}}}]',0);
CREATE TABLE charges (
	run_id VARCHAR(36) NOT NULL, 
	person VARCHAR(128) NOT NULL, 
	spots TEXT NOT NULL, 
	workflow VARCHAR(64) NOT NULL, 
	at FLOAT NOT NULL, 
	seconds FLOAT NOT NULL, community VARCHAR(128) DEFAULT '' NOT NULL, settled_at FLOAT, 
	PRIMARY KEY (run_id)
);
INSERT INTO "charges" VALUES('f1aee958-cd18-4995-a038-8b436401d122','telegram:1000','|','negative',1.79585456657666230201e+09,2.35772609710693359375e-01,'',1.79585456684732246396e+09);
INSERT INTO "charges" VALUES('464cd795-d75f-40e9-bc6c-6ae5e5006efa','discord:501','|discord:1576152985287786496/1576152985287786532|discord:1576152985287786496|','negative',1.79585456697084808351e+09,0.0258181095123291,'discord:1576152985287786496',1.79585456701134800906e+09);
INSERT INTO "charges" VALUES('c780addd-6ddc-4ba5-9717-7ea6eb4927c8','telegram:1002','|','gated',1.79585456716645956035e+09,3.2661190032958984375e+00,'',1.79585457044390749926e+09);
INSERT INTO "charges" VALUES('0b60e2c2-bcad-4971-a699-e9d9e79cc790','discord:501','|discord:1576152985287786496/1576152985287786534|discord:1576152985287786496|','gated',1.79585457030818152423e+09,9.86845493316650390625e-02,'discord:1576152985287786496',1.79585457044352173809e+09);
INSERT INTO "charges" VALUES('5a13fbf6-55fb-4482-ad96-4b62c55a69bf','web:6e1b0637f818b1e165a8b4582798e378','|','plain',1.79585459066797685622e+09,4.03487682342529296875e-02,'',1.79585459075897908211e+09);
INSERT INTO "charges" VALUES('fdf8b35e-d4a6-475e-a940-d7cbff46e7ac','telegram:1003','|telegram:-100500/-100500|telegram:-100500|','gated',1.7958545914216742516e+09,1.68240177631378173828e+00,'telegram:-100500',NULL);
INSERT INTO "charges" VALUES('78d78162-5cce-4908-9460-b628fee23ae0','telegram:1003','|telegram:-100500/-100500|telegram:-100500|','plain',1.79585459177493786809e+09,5.91108798980712890625e-02,'telegram:-100500',1.79585459189051389701e+09);
INSERT INTO "charges" VALUES('087b45a7-21c1-4cb9-848f-c42671996d08','discord:501','|discord:1576152985287786497/1576152985287786556|discord:1576152985287786497|','plain',1.7958545918732945919e+09,0.0518946647644043,'discord:1576152985287786497',1.79585459196910524363e+09);
INSERT INTO "charges" VALUES('7e6dfbed-538a-4c37-8b6c-607e8871bbc1','discord:501','|discord:1576152985287786497/1576152985287786556|discord:1576152985287786497|','plain',1.7958545918914775849e+09,2.53565311431884765625e-02,'discord:1576152985287786497',1.79585459199648976328e+09);
INSERT INTO "charges" VALUES('452b0a76-69a8-4784-b6f5-8684ef8d6b3a','telegram:1009','|','plain',1.79585460189569950106e+09,1.03042840957641601562e-01,'',1.79585460202156162266e+09);
INSERT INTO "charges" VALUES('2ee52381-87e9-4403-96e9-c5e6ccf190bc','discord:501','|discord:1576152985287786496/1576152985287786605|discord:1576152985287786496|','gated',1.79585460217737793919e+09,1.68240177631378173828e+00,'discord:1576152985287786496',NULL);
INSERT INTO "charges" VALUES('9f294248-e6bb-4999-b310-e09e9ba7109d','telegram:1010','|','gated',1.79585460224558925625e+09,1.68240177631378173828e+00,'',NULL);
INSERT INTO "charges" VALUES('3eee36fc-f333-4f31-b137-4cb789046020','discord:502','|discord:1576152985287786496/1576152985287786606|discord:1576152985287786496|','gated',1.79585460327080941199e+09,1.68240177631378173828e+00,'discord:1576152985287786496',NULL);
INSERT INTO "charges" VALUES('3c6325f8-8e2a-4cd7-bddd-adc77cfafbdd','telegram:1011','|','gated',1.79585460335318279267e+09,1.68240177631378173828e+00,'',NULL);
INSERT INTO "charges" VALUES('27897426-8bcc-41bf-bbb9-41a2bbbcf884','web:6e1b0637f818b1e165a8b4582798e378','|','gated',1.7958546043628628254e+09,1.68240177631378173828e+00,'',NULL);
CREATE TABLE editions (
	community VARCHAR(128) NOT NULL, 
	edition INTEGER NOT NULL, 
	PRIMARY KEY (community)
);
INSERT INTO "editions" VALUES('telegram:-100500',3);
INSERT INTO "editions" VALUES('discord:1576152985287786497',4);
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
INSERT INTO "notes" VALUES('links:secret','"b3c6eca4f52a680328ea4dd226535016f836ca44d61c440abcbb6cba05b6da10"',1.79585456689221262933e+09);
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
INSERT INTO "rules" VALUES(4,'review','','discord:1576152985287786497','','','','','','{"on": true, "channel": "1576152985287786557"}');
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
INSERT INTO "runs" VALUES(1,'f1aee958-cd18-4995-a038-8b436401d122','negative','{}','{"photo": {"key": "10/1065ba3c53df2ba4ba23b6bef88b9f1604574e59df53593bc91093c3972890e8.jpg", "filename": "photo-1000.jpg", "kind": "image"}}','photo-1000-negative','telegram:1000','User1000','telegram:1000','Ann','telegram:','1000','1001','negative {}','[]',0,1,0,0,'done',1,'','[]','one','darkroom',NULL,'{"files": [{"key": "db/dba3db0f26bf4de1b6d2e92bffe78a7e2882828b01f0789f23bb183d2d9dea34.png", "filename": "photo-1000-negative.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585456657666230201e+09,1.79585456661154985432e+09,1.79585456684732246396e+09,1.79585456693428635599e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(2,'464cd795-d75f-40e9-bc6c-6ae5e5006efa','negative','{}','{"photo": {"key": "2a/2ab211094b96ca919c05a4509c0113f18227f7c483a58c6d30ddd578d18c2176.png", "filename": "photo.png", "kind": "image"}}','photo-negative','discord:501','User 501','discord:1576152985287786532','general','discord:1576152985287786496','1576152985287786532','{"message": 1576152985287786539, "token": "tok-1576152985287786537", "until": 1795855406.9742384, "bytes": 10485760, "member": true, "spoiler": false}','negative {}','[]',0,2,0,0,'done',1,'','[]','one','darkroom',NULL,'{"files": [{"key": "e5/e50f6f1b38b93ce395ac689af1ae822918eb046cc3da4f923c9de13c1d60af2b.png", "filename": "photo-negative.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585456697084808351e+09,1795854566.98553,1.79585456701134800906e+09,1.79585456705083370207e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','["1576152985287786496"]',0,'[]','',1);
INSERT INTO "runs" VALUES(3,'c780addd-6ddc-4ba5-9717-7ea6eb4927c8','gated','{"color": 0, "gate": "unwanted"}','{}','gated','telegram:1002','User1002','telegram:1002','Ann','telegram:','1002','1003','gated {}','[]',0,3,0,0,'cancelled',1,'','[]','one','darkroom','telegram:1002:User1002',NULL,NULL,1.79585456716645956035e+09,1.79585456717778849597e+09,NULL,1.79585457044390749926e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(4,'0b60e2c2-bcad-4971-a699-e9d9e79cc790','gated','{"color": 0, "gate": "unwanted"}','{}','gated','discord:501','User 501','discord:1576152985287786534','general','discord:1576152985287786496','1576152985287786534','{"message": 1576152985287786548, "token": "tok-1576152985287786546", "until": 1795855410.3192804, "bytes": 10485760, "member": true, "spoiler": false}','gated {}','[]',0,4,0,0,'cancelled',1,'','[]','two','darkroom','discord:501:User 501',NULL,NULL,1.79585457030818152423e+09,1.79585457034483718871e+09,NULL,1.79585457044352173809e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','["1576152985287786496"]',0,'[]','',1);
INSERT INTO "runs" VALUES(5,'9680f19a-9d3b-43da-9aa8-1fc5fa50a6e4','gated','{"color": 0, "gate": "broken"}','{}','gated','discord:501','User 501','discord:1576152985287786533','general','discord:1576152985287786496','1576152985287786533','{"message": 1576152985287786555, "token": "tok-1576152985287786553", "until": 1795855410.4985874, "bytes": 10485760, "member": true, "spoiler": false}','gated {}','[]',0,5,0,0,'failed',1,'','[]','one','darkroom',NULL,NULL,'“Gate” failed: broken',1.7958545704922118187e+09,1.79585457056881141659e+09,NULL,1.79585459060612916953e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','["1576152985287786496"]',0,'[]','',1);
INSERT INTO "runs" VALUES(6,'b19cc6c9-c1bc-4a88-b372-7c8329110ffa','gated','{"color": 0, "gate": "broken"}','{}','gated','telegram:1001','User1001','telegram:1001','Ann','telegram:','1001','1006','gated {}','[]',0,5,0,0,'failed',1,'','[]','two','darkroom',NULL,NULL,'“Gate” failed: broken',1.79585457051467919345e+09,1.7958545705990586281e+09,NULL,1.79585459062681531902e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(7,'5a13fbf6-55fb-4482-ad96-4b62c55a69bf','plain','{"color": 5}','{}','plain','web:6e1b0637f818b1e165a8b4582798e378','a visitor of the page','web:6e1b0637f818b1e165a8b4582798e378','','web:','6e1b0637f818b1e165a8b4582798e378','d48cebc71ac44818a61325dc75522785','plain {}','[]',0,6,0,0,'done',1,'','[]','one','darkroom',NULL,'{"files": [{"key": "1c/1c94caa6cf524d6f4dbd1e22e5994a10d75f04d7deab13f201826551d1e1f586.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585459066797685622e+09,1.79585459071863031386e+09,1.79585459075897908211e+09,1.7958545908310916424e+09,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(8,'fdf8b35e-d4a6-475e-a940-d7cbff46e7ac','gated','{"color": 0, "gate": "badword"}','{}','gated','telegram:1003','User1003','telegram:-100500','Friends','telegram:-100500','-100500','1015','gated {}','[]',0,7,0,0,'held',1,'','[]',NULL,NULL,NULL,NULL,NULL,1.7958545914216742516e+09,NULL,NULL,NULL,1,'',1.79585459203868484491e+09,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(9,'78d78162-5cce-4908-9460-b628fee23ae0','plain','{"color": 7}','{}','plain','telegram:1003','User1003','telegram:-100500','Friends','telegram:-100500','-100500','1017','plain {}','[]',0,7,0,0,'held',1,'','[]','one',NULL,NULL,'{"files": [{"key": "f6/f6328607335bbcff55245b8306f0503e858f117cd09c2e8d9359bed99faeb076.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585459177493786809e+09,1.79585459183140301706e+09,1.79585459189051389701e+09,NULL,1,'',1.79585459205490398405e+09,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(10,'087b45a7-21c1-4cb9-848f-c42671996d08','plain','{"color": 1}','{}','plain','discord:501','User 501','discord:1576152985287786556','general','discord:1576152985287786497','1576152985287786556','{"message": 1576152985287786567, "token": "tok-1576152985287786562", "until": 1795855431.8839185, "bytes": 10485760, "member": true, "spoiler": false}','plain {}','[]',0,8,0,0,'held',1,'','[]','one',NULL,NULL,'{"files": [{"key": "0b/0bd0417d9ef0e6b65fb3be78905caedf3ac220ed1fb30d83470c3f6401a1c16a.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.7958545918732945919e+09,1.79585459191721057894e+09,1.79585459196910524363e+09,NULL,1,'1576152985287786557',1.79585459206998610494e+09,'{"results": "here", "previews": true, "spoilers": false}','["1576152985287786497"]',0,'[]','',1);
INSERT INTO "runs" VALUES(11,'7e6dfbed-538a-4c37-8b6c-607e8871bbc1','plain','{"color": 2}','{}','plain','discord:501','User 501','discord:1576152985287786556','general','discord:1576152985287786497','1576152985287786556','{"message": 1576152985287786568, "token": "tok-1576152985287786564", "until": 1795855431.8934422, "bytes": 10485760, "member": true, "spoiler": false}','plain {}','[]',0,9,1,0,'held',1,'','[]','one',NULL,NULL,'{"files": [{"key": "5b/5b5193265448e64732380fc2b9acacc7d6963dd60cc9875eff915bb56da62c77.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.7958545918914775849e+09,1.79585459197113323209e+09,1.79585459199648976328e+09,NULL,1,'1576152985287786557',1.79585459208062434193e+09,'{"results": "here", "previews": true, "spoilers": false}','["1576152985287786497"]',0,'[]','',1);
INSERT INTO "runs" VALUES(12,'452b0a76-69a8-4784-b6f5-8684ef8d6b3a','plain','{"color": 3}','{}','plain','telegram:1009','User1009','telegram:1009','Ann','telegram:','1009','1045','plain {}','[]',0,10,0,0,'delivering',1,'','[]','one','darkroom',NULL,'{"files": [{"key": "a7/a7ea100c0e718c70b0d684b7694d64abcb1a7d98ab1f70fd6c7d7d2a380edf82.png", "filename": "plain.png", "kind": "image"}], "texts": [], "warnings": [], "nothing_new": false}',NULL,1.79585460189569950106e+09,1.79585460191851878169e+09,1.79585460202156162266e+09,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(13,'2ee52381-87e9-4403-96e9-c5e6ccf190bc','gated','{"color": 0, "gate": "running"}','{}','gated','discord:501','User 501','discord:1576152985287786605','general','discord:1576152985287786496','1576152985287786605','{"message": 1576152985287786610, "token": "tok-1576152985287786608", "until": 1795855442.1930082, "bytes": 10485760, "member": true, "spoiler": false}','gated {}','[]',0,11,0,0,'running',1,'','[]','one','darkroom',NULL,NULL,NULL,1.79585460217737793919e+09,1.79585460223677778244e+09,NULL,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','["1576152985287786496"]',0,'[]','',1);
INSERT INTO "runs" VALUES(14,'9f294248-e6bb-4999-b310-e09e9ba7109d','gated','{"color": 0, "gate": "running"}','{}','gated','telegram:1010','User1010','telegram:1010','Ann','telegram:','1010','1047','gated {}','[]',0,12,0,0,'running',1,'','[]','two','darkroom',NULL,NULL,NULL,1.79585460224558925625e+09,1.79585460227732610699e+09,NULL,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(15,'3eee36fc-f333-4f31-b137-4cb789046020','gated','{"color": 0, "gate": "waiting"}','{}','gated','discord:502','User 502','discord:1576152985287786606','general','discord:1576152985287786496','1576152985287786606','{"message": 1576152985287786614, "token": "tok-1576152985287786612", "until": 1795855443.2861266, "bytes": 10485760, "member": true, "spoiler": false}','gated {}','[]',0,13,0,0,'waiting',1,'','[]',NULL,NULL,NULL,NULL,NULL,1.79585460327080941199e+09,NULL,NULL,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','["1576152985287786496"]',0,'[]','',1);
INSERT INTO "runs" VALUES(16,'3c6325f8-8e2a-4cd7-bddd-adc77cfafbdd','gated','{"color": 0, "gate": "waiting"}','{}','gated','telegram:1011','User1011','telegram:1011','Ann','telegram:','1011','1049','gated {}','[]',0,13,0,0,'waiting',1,'','[]',NULL,NULL,NULL,NULL,NULL,1.79585460335318279267e+09,NULL,NULL,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
INSERT INTO "runs" VALUES(17,'27897426-8bcc-41bf-bbb9-41a2bbbcf884','gated','{"color": 0, "gate": "waiting"}','{}','gated','web:6e1b0637f818b1e165a8b4582798e378','a visitor of the page','web:6e1b0637f818b1e165a8b4582798e378','','web:','6e1b0637f818b1e165a8b4582798e378','facf0917695d4315a5f11dc610995021','gated {}','[]',0,13,0,0,'waiting',1,'','[]',NULL,NULL,NULL,NULL,NULL,1.7958546043628628254e+09,NULL,NULL,NULL,0,'',NULL,'{"results": "here", "previews": true, "spoilers": false}','[]',0,'[]','',1);
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
INSERT INTO "uses" VALUES('10/1065ba3c53df2ba4ba23b6bef88b9f1604574e59df53593bc91093c3972890e8.jpg','f1aee958-cd18-4995-a038-8b436401d122');
INSERT INTO "uses" VALUES('db/dba3db0f26bf4de1b6d2e92bffe78a7e2882828b01f0789f23bb183d2d9dea34.png','f1aee958-cd18-4995-a038-8b436401d122');
INSERT INTO "uses" VALUES('2a/2ab211094b96ca919c05a4509c0113f18227f7c483a58c6d30ddd578d18c2176.png','464cd795-d75f-40e9-bc6c-6ae5e5006efa');
INSERT INTO "uses" VALUES('e5/e50f6f1b38b93ce395ac689af1ae822918eb046cc3da4f923c9de13c1d60af2b.png','464cd795-d75f-40e9-bc6c-6ae5e5006efa');
INSERT INTO "uses" VALUES('1c/1c94caa6cf524d6f4dbd1e22e5994a10d75f04d7deab13f201826551d1e1f586.png','5a13fbf6-55fb-4482-ad96-4b62c55a69bf');
INSERT INTO "uses" VALUES('f6/f6328607335bbcff55245b8306f0503e858f117cd09c2e8d9359bed99faeb076.png','78d78162-5cce-4908-9460-b628fee23ae0');
INSERT INTO "uses" VALUES('0b/0bd0417d9ef0e6b65fb3be78905caedf3ac220ed1fb30d83470c3f6401a1c16a.png','087b45a7-21c1-4cb9-848f-c42671996d08');
INSERT INTO "uses" VALUES('5b/5b5193265448e64732380fc2b9acacc7d6963dd60cc9875eff915bb56da62c77.png','7e6dfbed-538a-4c37-8b6c-607e8871bbc1');
INSERT INTO "uses" VALUES('a7/a7ea100c0e718c70b0d684b7694d64abcb1a7d98ab1f70fd6c7d7d2a380edf82.png','452b0a76-69a8-4784-b6f5-8684ef8d6b3a');
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
