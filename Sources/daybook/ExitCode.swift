import Extract
import Pipeline
import Postgres
import SQLFiles
import Transform
import Warehouse

/// How the command ends; the numbers are those of sysexits.h where it has one.
enum ExitCode: Int32 {
    case done = 0
    case failed = 1
    /// A check or an SLA test failed, or something is stale.
    case checkFailed = 2
    case usage = 64
    case badData = 65
    case unreachable = 69
    case locked = 75
    case badDefinition = 78
    /// 128 and SIGINT, as shells have it.
    case interrupted = 130

    /// What an error means for whoever called the command.
    init(_ error: any Error) {
        switch error {
        case is AlreadyRun: self = .done
        case is ScheduleVerb.AlreadyScheduled: self = .locked
        case is UsageError, is SearchCondition.SyntaxError, is NominalInFuture, is Guess.Failure,
            is Export.WithoutTime, is Roles.Mistake:
            self = .usage
        case is DefinitionError, is ScheduleLoop.NoSchedule, WarehouseError.noColumnar, is ProjectError,
            is TransformError,
            is SQLFiles.Conflict:
            self = .badDefinition
        case let error as ExtractError: self = error.kind == .unsupported ? .badData : .unreachable
        case is NothingButRejects, is TooManyRejects, is DamagedFiles: self = .badData
        case let error as FailedPrograms: self = error.isBadData ? .badData : .unreachable
        case let error as PostgresError:
            self = error.kind == .connect || error.kind == .connectionLost ? .unreachable : .failed
        case let error as PrivateServerError where error.kind == .inUse: self = .locked
        case let error as PrivateServerError where error.kind == .badAddress: self = .usage
        case is PrivateServerError, WarehouseError.lockLost: self = .unreachable
        case WarehouseError.locked, WarehouseError.viewInUse, WarehouseError.transforming: self = .locked
        case WarehouseError.asOfGoesBack: self = .usage
        case is Interrupted, is EraseData.Stopped: self = .interrupted
        default: self = .failed
        }
    }
}
