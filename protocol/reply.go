package protocol

// Reply codes, AMQP 0-9-1 section 1.2 (constants). They are sent in connection.close, channel.close and basic.return.
const (
	ReplySuccess            uint16 = 200
	ReplyContentTooLarge    uint16 = 311
	ReplyNoRoute            uint16 = 312
	ReplyNoConsumers        uint16 = 313
	ReplyConnectionForced   uint16 = 320
	ReplyInvalidPath        uint16 = 402
	ReplyAccessRefused      uint16 = 403
	ReplyNotFound           uint16 = 404
	ReplyResourceLocked     uint16 = 405
	ReplyPreconditionFailed uint16 = 406
	ReplyFrameError         uint16 = 501
	ReplySyntaxError        uint16 = 502
	ReplyCommandInvalid     uint16 = 503
	ReplyChannelError       uint16 = 504
	ReplyUnexpectedFrame    uint16 = 505
	ReplyResourceError      uint16 = 506
	ReplyNotAllowed         uint16 = 530
	ReplyNotImplemented     uint16 = 540
	ReplyInternalError      uint16 = 541
)

// ReplyName is the constant's name as it opens a reply text, such as NOT_FOUND. Unknown codes have none.
func ReplyName(code uint16) string {
	switch code {
	case ReplySuccess:
		return "SUCCESS"
	case ReplyContentTooLarge:
		return "CONTENT_TOO_LARGE"
	case ReplyNoRoute:
		return "NO_ROUTE"
	case ReplyNoConsumers:
		return "NO_CONSUMERS"
	case ReplyConnectionForced:
		return "CONNECTION_FORCED"
	case ReplyInvalidPath:
		return "INVALID_PATH"
	case ReplyAccessRefused:
		return "ACCESS_REFUSED"
	case ReplyNotFound:
		return "NOT_FOUND"
	case ReplyResourceLocked:
		return "RESOURCE_LOCKED"
	case ReplyPreconditionFailed:
		return "PRECONDITION_FAILED"
	case ReplyFrameError:
		return "FRAME_ERROR"
	case ReplySyntaxError:
		return "SYNTAX_ERROR"
	case ReplyCommandInvalid:
		return "COMMAND_INVALID"
	case ReplyChannelError:
		return "CHANNEL_ERROR"
	case ReplyUnexpectedFrame:
		return "UNEXPECTED_FRAME"
	case ReplyResourceError:
		return "RESOURCE_ERROR"
	case ReplyNotAllowed:
		return "NOT_ALLOWED"
	case ReplyNotImplemented:
		return "NOT_IMPLEMENTED"
	case ReplyInternalError:
		return "INTERNAL_ERROR"
	}
	return ""
}

// isSoft tells the codes that close a channel from those that close the connection (soft-error and hard-error in the
// specification's XML). A code that nobody knows is hard: better one connection too many than a confused client.
func isSoft(code uint16) bool {
	switch code {
	case ReplyContentTooLarge, ReplyNoRoute, ReplyNoConsumers,
		ReplyAccessRefused, ReplyNotFound, ReplyResourceLocked, ReplyPreconditionFailed:
		return true
	}
	return false
}
