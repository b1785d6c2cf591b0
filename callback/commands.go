package callback

import "time"

// commands is the table of all known commands, with the documents that it was made from.
var commands = []Command{
	// Online state: https://www.tencentcloud.com/document/product/1047/34357.
	{Name: "State.StateChange", Kind: News, Documented: true, Subject: []string{"Info.To_Account"}, Lane: LaneAccount},

	// Profiles: https://www.tencentcloud.com/document/product/1047/48733. Package profile reads the body.
	{Name: "Profile.CallbackPortraitSet", Kind: News, Documented: true, Subject: []string{"From_Account"}, Lane: LaneAccount},

	// Friends and block lists: https://www.tencentcloud.com/document/product/1047/34359 to
	// .../34362, .../43467 and .../43468. The two requests are decisions although their names
	// do not say so.
	{Name: "Sns.CallbackPrevFriendAdd", Kind: Decision, Documented: true, Subject: []string{"From_Account"}, Lane: LaneAccount, Answer: []string{"ResultItem"}, ResultItems: "FriendItem"},
	{Name: "Sns.CallbackPrevFriendResponse", Kind: Decision, Documented: true, Subject: []string{"From_Account"}, Lane: LaneAccount, Answer: []string{"ResultItem"}, ResultItems: "ResponseFriendItem"},
	{Name: "Sns.CallbackFriendAdd", Kind: News, Documented: true, Subject: []string{"PairList[].From_Account", "PairList[].Initiator_Account"}, Lane: LaneAccount},
	{Name: "Sns.CallbackFriendDelete", Kind: News, Documented: true, Subject: []string{"PairList[].From_Account"}, Lane: LaneAccount},
	{Name: "Sns.CallbackBlackListAdd", Kind: News, Documented: true, Subject: []string{"PairList[].From_Account"}, Lane: LaneAccount},
	{Name: "Sns.CallbackBlackListDelete", Kind: News, Documented: true, Subject: []string{"PairList[].From_Account"}, Lane: LaneAccount},

	// Following: https://www.tencentcloud.com/document/product/1047/70355 and .../70356.
	{Name: "Follow.CallbackAfterFollowAdd", Kind: News, Documented: true, Subject: []string{"From_Account"}, Lane: LaneAccount},
	{Name: "Follow.CallbackAfterFollowDelete", Kind: News, Documented: true, Subject: []string{"From_Account"}, Lane: LaneAccount},

	// Messages between two users: https://www.tencentcloud.com/document/product/1047/34364,
	// .../34365, .../43465 and .../43466, and https://cloud.tencent.com/document/product/269/126475
	// and .../128223 to .../128225.
	{Name: "C2C.CallbackBeforeSendMsg", Kind: Decision, Documented: true, Subject: []string{"From_Account"}, Lane: LaneConversation, Answer: []string{"MsgBody", "CloudCustomData"}},
	{Name: "C2C.CallbackAfterSendMsg", Kind: News, Documented: true, Subject: []string{"From_Account"}, Lane: LaneConversation},
	{Name: "C2C.CallbackAfterMsgReport", Kind: News, Documented: true, Subject: []string{"Report_Account"}, Lane: LaneAccount},
	{Name: "C2C.CallbackAfterMsgWithDraw", Kind: News, Documented: true, Subject: []string{"From_Account"}, Lane: LaneConversation},
	{Name: "C2C.CallbackAfterModifyMsg", Kind: News, Documented: true, Subject: []string{"From_Account"}, Lane: LaneConversation},
	{Name: "C2C.CallbackAfterC2CMsgExtension", Kind: News, Documented: true, Subject: []string{"From_Account"}, Lane: LaneConversation},
	{Name: "C2C.CallbackAfterMsgReadReceipt", Kind: News, Documented: true, Subject: []string{"Operator_Account"}, Lane: LaneAccount},
	{Name: "C2C.CallbackAfterMsgReadAll", Kind: News, Documented: true, Subject: []string{"Report_Account"}, Lane: LaneAccount},
	{Name: "C2C.CallbackAfterSendMsgException", Kind: News, Subject: []string{"From_Account"}, Lane: LaneAccount},

	// Groups: https://www.tencentcloud.com/document/product/1047/34367 to .../34376 and pages
	// beside them, topics: .../49463 to .../49466, and
	// https://cloud.tencent.com/document/product/269/105355, .../126476 and .../129193.
	{Name: "Group.CallbackBeforeCreateGroup", Kind: Decision, Documented: true, Subject: []string{"Operator_Account"}, Lane: LaneAccount},
	{Name: "Group.CallbackAfterCreateGroup", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackBeforeApplyJoinGroup", Kind: Decision, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackBeforeInviteJoinGroup", Kind: Decision, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup, Answer: []string{"RefusedMembers_Account"}},
	{Name: "Group.CallbackAfterNewMemberJoin", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterMemberExit", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackBeforeSendMsg", Kind: Decision, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup, Answer: []string{"MsgBody", "CloudCustomData"}},
	{Name: "Group.CallbackAfterSendMsg", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackSendMsgException", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterGroupFull", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterGroupDestroyed", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterGroupInfoChanged", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterRecallMsg", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackOnMemberStateChange", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterMemberFieldChanged", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterGroupAttrChanged", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterReadReceipt", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterChangeGroupOwner", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackOnDailyGroupQuotaAlarm", Kind: News, Documented: true, Lane: LaneCommand},
	{Name: "Group.CallbackAfterModifyMsg", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterGroupMsgExtension", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackBeforeCreateTopic", Kind: Decision, Documented: true, Subject: []string{"Operator_Account"}, Lane: LaneAccount},
	{Name: "Group.CallbackAfterCreateTopic", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterTopicDestroyed", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterTopicInfoChanged", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterMemberInvited", Kind: News, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterMemberKicked", Kind: News, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterMemberInfoChanged", Kind: News, Subject: []string{"GroupId"}, Lane: LaneGroup},
	{Name: "Group.CallbackAfterMsgWithDraw", Kind: News, Subject: []string{"GroupId"}, Lane: LaneGroup},

	// Messages to robots: https://www.tencentcloud.com/document/product/1047/68952 and .../68953.
	{Name: "Bot.OnC2CMessage", Kind: News, Documented: true, Subject: []string{"From_Account"}, Lane: LaneConversation},
	{Name: "Bot.OnGroupMessage", Kind: News, Documented: true, Subject: []string{"GroupId"}, Lane: LaneGroup},

	// Signals to chat bots, which the bot must answer:
	// https://www.tencentcloud.com/document/product/1047/59057.
	{Name: "Chatbot.OnC2CSignalMessage", Kind: Decision, Documented: true, Subject: []string{"From_Account"}, Lane: LaneAccount, Answer: []string{"RspData"}, NoNeutral: true},

	// Results of content moderation: https://www.tencentcloud.com/document/product/1047/78240.
	{Name: "ContentCallback.ResultNotify", Kind: News, Documented: true, Subject: []string{"From_Account"}, Lane: LaneAccount, Unique: []string{"CtxcbRequestId"}},

	// Push notifications, several in one body and with seconds:
	// https://www.tencentcloud.com/document/product/1047/67551 and .../67552.
	{Name: "Push.AllMemberPush", Kind: News, Documented: true, Subject: []string{"Events[].To_Account", "Events[].TaskId"}, Lane: LaneAccount, EventTime: "Events[].EventTime", EventTimeUnit: time.Second, Unique: []string{"Events[].TaskId", "Events[].MsgKey"}},
	{Name: "Push.OfflinePush", Kind: News, Documented: true, Subject: []string{"Events[].To_Account", "Events[].TaskId"}, Lane: LaneAccount, EventTime: "Events[].EventTime", EventTimeUnit: time.Second, Unique: []string{"Events[].TaskId", "Events[].MsgKey"}},
	{Name: "Push.TagPush", Kind: News, Subject: []string{"Events[].To_Account", "Events[].TaskId"}, Lane: LaneAccount, EventTime: "Events[].EventTime", EventTimeUnit: time.Second, Unique: []string{"Events[].TaskId", "Events[].MsgKey"}},
	{Name: "Push.SinglePush", Kind: News, Subject: []string{"Events[].To_Account", "Events[].TaskId"}, Lane: LaneAccount, EventTime: "Events[].EventTime", EventTimeUnit: time.Second, Unique: []string{"Events[].TaskId", "Events[].MsgKey"}},

	// Alerts: https://www.tencentcloud.com/document/product/1047/60256.
	{Name: "Alert.RequestOverLimit", Kind: News, Documented: true, Lane: LaneCommand},

	// Official accounts: https://www.tencentcloud.com/document/product/1047/60795 to .../60805.
	{Name: "OfficialAccount.CallbackBeforeCreateOfficialAccount", Kind: Decision, Documented: true, Subject: []string{"Operator_Account"}, Lane: LaneAccount},
	{Name: "OfficialAccount.CallbackAfterCreateOfficialAccount", Kind: News, Documented: true, Subject: []string{"Official_Account"}, Lane: LaneOfficialAccount},
	{Name: "OfficialAccount.CallbackAfterOfficialAccountInfoChanged", Kind: News, Documented: true, Subject: []string{"Official_Account"}, Lane: LaneOfficialAccount},
	{Name: "OfficialAccount.CallbackAfterOfficialAccountDestroyed", Kind: News, Documented: true, Subject: []string{"Official_Account"}, Lane: LaneOfficialAccount},
	{Name: "OfficialAccount.CallbackBeforeAddSubscriber", Kind: Decision, Documented: true, Subject: []string{"Official_Account"}, Lane: LaneOfficialAccount, Answer: []string{"RefusedSubscribers_Account"}},
	{Name: "OfficialAccount.CallbackAfterAddSubscriber", Kind: News, Documented: true, Subject: []string{"Official_Account"}, Lane: LaneOfficialAccount},
	{Name: "OfficialAccount.CallbackAfterOfficialAccountFull", Kind: News, Documented: true, Subject: []string{"Official_Account"}, Lane: LaneOfficialAccount},
	{Name: "OfficialAccount.CallbackAfterDeleteSubscriber", Kind: News, Documented: true, Subject: []string{"Official_Account"}, Lane: LaneOfficialAccount},
	{Name: "OfficialAccount.CallbackBeforeSendMsg", Kind: Decision, Documented: true, Subject: []string{"Official_Account"}, Lane: LaneOfficialAccount, Answer: []string{"MsgBody", "CloudCustomData"}},
	{Name: "OfficialAccount.CallbackAfterSendMsg", Kind: News, Documented: true, Subject: []string{"Official_Account"}, Lane: LaneOfficialAccount},
	{Name: "OfficialAccount.CallbackAfterMsgWithDraw", Kind: News, Documented: true, Subject: []string{"Official_Account"}, Lane: LaneOfficialAccount},

	// Live rooms of the sibling product TRTC: https://www.tencentcloud.com/document/product/647/64422
	// and pages beside it, gifts: .../72210.
	{Name: "Live.CallbackAfterCreateRoom", Kind: News, Documented: true, Subject: []string{"RoomInfo.RoomId"}, Lane: LaneRoom},
	{Name: "Live.CallbackAfterDestroyRoom", Kind: News, Documented: true, Subject: []string{"RoomId"}, Lane: LaneRoom},
	{Name: "Live.CallbackAfterUpdateRoomInfo", Kind: News, Documented: true, Subject: []string{"RoomInfo.RoomId", "RoomId"}, Lane: LaneRoom},
	{Name: "Live.CallbackAfterSetMetadata", Kind: News, Documented: true, Subject: []string{"RoomId"}, Lane: LaneRoom},
	{Name: "Live.CallbackAfterDelMetadata", Kind: News, Documented: true, Subject: []string{"RoomId"}, Lane: LaneRoom},
	{Name: "Live.CallbackAfterCreateRoomReachingThreshold", Kind: News, Documented: true, Lane: LaneCommand},
	{Name: "Live.CallbackAfterMemberStateChanged", Kind: News, Documented: true, Subject: []string{"RoomId"}, Lane: LaneRoom},
	{Name: "Live.CallbackAfterChangeOwner", Kind: News, Documented: true, Subject: []string{"RoomId"}, Lane: LaneRoom},
	{Name: "Live.CallbackAfterModifyAdmin", Kind: News, Documented: true, Subject: []string{"RoomId"}, Lane: LaneRoom},
	{Name: "Live.CallbackAfterCreateBattle", Kind: News, Documented: true, Subject: []string{"BattleId"}, Lane: LaneBattle},
	{Name: "Live.CallbackAfterStartBattle", Kind: News, Documented: true, Subject: []string{"BattleId"}, Lane: LaneBattle},
	{Name: "Live.CallbackAfterEndBattle", Kind: News, Documented: true, Subject: []string{"BattleId"}, Lane: LaneBattle},
	{Name: "Live.CallbackBeforeSendGift", Kind: Decision, Documented: true, Subject: []string{"RoomId"}, Lane: LaneRoom},

	// Conference rooms: https://www.tencentcloud.com/document/product/647/60720, .../60732 to .../60735.
	{Name: "Room.CallbackAfterCreateRoom", Kind: News, Documented: true, Subject: []string{"RoomInfo.RoomId"}, Lane: LaneRoom},
	{Name: "Room.CallbackAfterDestroyRoom", Kind: News, Documented: true, Subject: []string{"RoomId"}, Lane: LaneRoom},
	{Name: "Room.CallbackAfterUpdateRoomInfo", Kind: News, Documented: true, Subject: []string{"RoomInfo.RoomId", "RoomId"}, Lane: LaneRoom},
	{Name: "Room.CallbackAfterMemberEnter", Kind: News, Documented: true, Subject: []string{"RoomId"}, Lane: LaneRoom},
	{Name: "Room.CallbackAfterMemberLeave", Kind: News, Documented: true, Subject: []string{"RoomId"}, Lane: LaneRoom},

	// Seats in rooms: https://www.tencentcloud.com/document/product/647/60736 and .../64425.
	{Name: "Mic.CallbackAfterSeatInfoChanged", Kind: News, Documented: true, Subject: []string{"RoomId"}, Lane: LaneRoom},

	// Calls: https://www.tencentcloud.com/document/product/647/68934, .../68940, .../68941 and .../69215.
	{Name: "Call.CallbackAfterStartCall", Kind: News, Documented: true, Subject: []string{"CallInfo.CallId"}, Lane: LaneCall, Unique: []string{"CallInfo.CallId"}},
	{Name: "Call.CallbackAfterEndCall", Kind: News, Documented: true, Subject: []string{"CallRecord.CallId"}, Lane: LaneCall, Unique: []string{"CallRecord.CallId"}},
	{Name: "Call.CallbackAfterMemberChanged", Kind: News, Documented: true, Subject: []string{"CallId"}, Lane: LaneCall},

	// Known from programs of others only.
	{Name: "Robot.CallbackAfterRobotEvent", Kind: News, Subject: []string{"From_Account"}, Lane: LaneAccount},
}
