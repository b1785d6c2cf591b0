package tencent

// samples has the bodies of the commands that are used most, without their first member
// CallbackCommand. They have the fields of Tencent's documents, which the table of commands
// in package callback names. As in the samples there, EventTime is a string in callbacks
// about groups.
//
// {from}, {to}, {to2} and {group} stand for JSON strings, {ms} and {s} for the time of the
// event in milliseconds and seconds, and {seq} for a number that no other event has.
var samples = map[string]string{
	"State.StateChange": `
  "EventTime": {ms},
  "Info": {
    "Action": "Login",
    "To_Account": {from},
    "Reason": "Register"
  },
  "KickedDevice": [
    {"Platform": "Windows"}
  ]
}`,

	"Sns.CallbackPrevFriendAdd": `
  "Requester_Account": {from},
  "From_Account": {from},
  "FriendItem": [
    {"To_Account": {to}, "Remark": "remark1", "GroupName": "group1", "AddSource": "AddSource_Type_Web", "AddWording": "hello"},
    {"To_Account": {to2}, "Remark": "remark2", "GroupName": "group2", "AddSource": "AddSource_Type_Web", "AddWording": "hello"}
  ],
  "AddType": "Add_Type_Both",
  "ForceAddFlags": 0,
  "EventTime": {ms}
}`,

	"Sns.CallbackPrevFriendResponse": `
  "Requester_Account": {from},
  "From_Account": {from},
  "ResponseFriendItem": [
    {"To_Account": {to}, "Remark": "remark1", "TagName": "group1", "ResponseAction": "Response_Action_AgreeAndAdd"},
    {"To_Account": {to2}, "Remark": "remark2", "TagName": "group2", "ResponseAction": "Response_Action_Agree"}
  ],
  "EventTime": {ms}
}`,

	"C2C.CallbackBeforeSendMsg": `
  "From_Account": {from},
  "To_Account": {to},
  "MsgSeq": {seq},
  "MsgRandom": 2837546,
  "MsgTime": {s},
  "MsgKey": "{seq}_2837546_{s}",
  "OnlineOnlyFlag": 0,
  "MsgBody": [
    {"MsgType": "TIMTextElem", "MsgContent": {"Text": "hello"}}
  ],
  "CloudCustomData": "your cloud custom data",
  "EventTime": {ms}
}`,

	"C2C.CallbackAfterSendMsg": `
  "From_Account": {from},
  "To_Account": {to},
  "MsgSeq": {seq},
  "MsgRandom": 2837546,
  "MsgTime": {s},
  "MsgKey": "{seq}_2837546_{s}",
  "OnlineOnlyFlag": 0,
  "SendMsgResult": 0,
  "ErrorInfo": "send msg succeed",
  "UnreadMsgNum": 7,
  "MsgBody": [
    {"MsgType": "TIMTextElem", "MsgContent": {"Text": "hello"}}
  ],
  "CloudCustomData": "your cloud custom data",
  "EventTime": {ms}
}`,

	"C2C.CallbackAfterMsgReport": `
  "Report_Account": {from},
  "Peer_Account": {to},
  "LastReadTime": {s},
  "UnreadMsgNum": 7,
  "EventTime": {ms}
}`,

	"C2C.CallbackAfterMsgWithDraw": `
  "From_Account": {from},
  "To_Account": {to},
  "MsgKey": "{seq}_2837546_{s}",
  "UnreadMsgNum": 7,
  "EventTime": {ms}
}`,

	"Group.CallbackAfterCreateGroup": `
  "GroupId": {group},
  "Operator_Account": {from},
  "Owner_Account": {from},
  "Type": "Public",
  "Name": "MyFirstGroup",
  "MemberList": [
    {"Member_Account": {from}},
    {"Member_Account": {to}}
  ],
  "UserDefinedDataList": [
    {"Key": "UserDefined1", "Value": "hello"}
  ],
  "EventTime": "{ms}"
}`,

	"Group.CallbackAfterNewMemberJoin": `
  "GroupId": {group},
  "Type": "Public",
  "JoinType": "Invited",
  "Operator_Account": {from},
  "NewMemberList": [
    {"Member_Account": {to}},
    {"Member_Account": {to2}}
  ],
  "EventTime": "{ms}"
}`,

	"Group.CallbackAfterMemberExit": `
  "GroupId": {group},
  "Type": "Public",
  "ExitType": "Quit",
  "Operator_Account": {from},
  "ExitMemberList": [
    {"Member_Account": {from}}
  ],
  "EventTime": "{ms}"
}`,

	"Group.CallbackBeforeSendMsg": `
  "GroupId": {group},
  "Type": "Public",
  "From_Account": {from},
  "Operator_Account": {from},
  "Random": {seq},
  "OnlineOnlyFlag": 0,
  "MsgBody": [
    {"MsgType": "TIMTextElem", "MsgContent": {"Text": "hello"}}
  ],
  "CloudCustomData": "your cloud custom data",
  "EventTime": "{ms}"
}`,

	"Group.CallbackAfterSendMsg": `
  "GroupId": {group},
  "Type": "Public",
  "From_Account": {from},
  "Operator_Account": {from},
  "Random": {seq},
  "MsgSeq": {seq},
  "MsgTime": {s},
  "OnlineOnlyFlag": 0,
  "MsgBody": [
    {"MsgType": "TIMTextElem", "MsgContent": {"Text": "hello"}}
  ],
  "CloudCustomData": "your cloud custom data",
  "EventTime": "{ms}"
}`,

	"Group.CallbackAfterGroupDestroyed": `
  "GroupId": {group},
  "Type": "Public",
  "Owner_Account": {from},
  "Name": "MyFirstGroup",
  "MemberList": [
    {"Member_Account": {from}},
    {"Member_Account": {to}}
  ],
  "EventTime": "{ms}"
}`,

	"Group.CallbackAfterGroupInfoChanged": `
  "GroupId": {group},
  "Type": "Public",
  "Operator_Account": {from},
  "Notification": "NewNotification",
  "EventTime": "{ms}"
}`,

	"Group.CallbackAfterRecallMsg": `
  "GroupId": {group},
  "Type": "Public",
  "Operator_Account": {from},
  "MsgSeqList": [
    {"MsgSeq": {seq}}
  ],
  "EventTime": "{ms}"
}`,

	"Bot.OnC2CMessage": `
  "From_Account": {from},
  "To_Account": "@RBT#001",
  "MsgSeq": {seq},
  "MsgRandom": 2837546,
  "MsgTime": {s},
  "MsgKey": "{seq}_2837546_{s}",
  "OnlineOnlyFlag": 0,
  "SendMsgResult": 0,
  "ErrorInfo": "send msg succeed",
  "MsgBody": [
    {"MsgType": "TIMTextElem", "MsgContent": {"Text": "hello"}}
  ],
  "CloudCustomData": "your cloud custom data",
  "EventTime": {ms}
}`,

	"Bot.OnGroupMessage": `
  "GroupId": {group},
  "Type": "Public",
  "From_Account": {from},
  "Operator_Account": {from},
  "Random": {seq},
  "MsgSeq": {seq},
  "MsgTime": {s},
  "OnlineOnlyFlag": 0,
  "AtRobots_Account": ["@RBT#001"],
  "MsgBody": [
    {"MsgType": "TIMTextElem", "MsgContent": {"Text": "hello"}}
  ],
  "CloudCustomData": "your cloud custom data",
  "EventTime": "{ms}"
}`,
}
