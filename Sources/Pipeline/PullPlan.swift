import Events
import Extract
import Foundation
import Postgres
import Warehouse

/// What is to be read of an API: a pull that goes on, or a new one.
struct PullPlan {
    let api: HTTPSource
    let sourceID: Int32
    /// One that was broken off.
    let unfinished: Pulls.Unfinished?
    private let past: Pulls.Past
    /// What a person should know.
    let note: String?

    init(_ api: HTTPSource, sourceID: Int32, _ connection: Connection) throws {
        self.api = api
        self.sourceID = sourceID
        let unfinished = try Pulls.unfinished(ofSource: sourceID, connection)
        past = try Pulls.past(
            ofSource: sourceID, requestHash: api.requestHash, markHash: api.markHash, connection)
        self.unfinished = unfinished
        if unfinished == nil {
            note = nil
        } else {
            note =
                goesOn(unfinished, api)
                ? "goes on where an earlier run ended"
                : unfinished?.checkpoint == nil
                    ? nil : "is asked in another way than before; it is read from the start"
        }
    }

    /// Bytes of items behind which it goes on; nil where it begins.
    var resumePosition: Int64? { goesOn(unfinished, api) ? unfinished?.endPosition : nil }

    /// Whether an unfinished pull has come to its end, and what came since it began is left for another.
    func leavesMore(_ connection: Connection) throws -> Bool {
        guard resumePosition != nil, api.incremental != nil else { return false }
        return try Pulls.unfinished(ofSource: sourceID, connection) == nil
    }

    /// Begins it, or goes on.
    func start(_ connection: Connection) throws -> PullStart {
        if let unfinished {
            if goesOn(unfinished, api), let start = resumed(unfinished) {
                try Pulls.forgetClaims(
                    ofPull: unfinished.pullID, source: sourceID, behind: unfinished.endPosition, connection)
                return start
            }
            try abandon(unfinished.pullID, "there is no checkpoint that could be used", connection)
        }
        return try begun(connection)
    }

    /// Gives up a pull whose checkpoint the API does not know any more, and begins another.
    func restart(_ start: PullStart, reason: String, _ connection: Connection) throws -> PullStart {
        try abandon(PullPlan.pullID(start), reason, connection)
        return try begun(connection)
    }

    /// Notes that a pull has come to its end.
    func finish(_ start: PullStart, mark: String?, validators: Validators?, _ connection: Connection) throws {
        try Pulls.finish(
            PullPlan.pullID(start), mark: mark ?? past.mark,
            validators: try (validators ?? start.validators).map(PullPlan.json), connection)
    }

    /// Nil where nothing was loaded of it, so that it may as well begin anew; or a secret is gone.
    private func resumed(_ pull: Pulls.Unfinished) -> PullStart? {
        guard let json = pull.checkpoint,
            let stored = try? JSONDecoder().decode(PullCheckpoint.self, from: Data(json.utf8)),
            let checkpoint = stored.restored(api)
        else { return nil }
        var start = PullStart(identity: Pulls.identity(pull.pullID))
        (start.position, start.line, start.checkpoint) = (pull.endPosition, pull.endLine, checkpoint)
        if let since = pull.since {
            guard let restored = api.secrets.restored(since) else { return nil }
            start.since = restored
        }
        return start
    }

    private func begun(_ connection: Connection) throws -> PullStart {
        let since = since
        let pullID = try Pulls.begin(
            source: sourceID, object: api.name, requestHash: api.requestHash, markHash: api.markHash,
            since: since,
            movesMark: api.incremental?.end == nil, connection)
        var start = PullStart(identity: Pulls.identity(pullID))
        start.since = since
        if api.incremental == nil {
            start.validators = past.validators.flatMap {
                try? JSONDecoder().decode(Validators.self, from: Data($0.utf8))
            }
        }
        return start
    }

    /// What a new pull asks from, as JSON: the mark less the lag, but not what is before the beginning.
    private var since: String? {
        guard let incremental = api.incremental else { return nil }
        let initial = incremental.initial.map { CursorValue($0) }
        guard incremental.end == nil, let mark = past.mark else { return initial?.json }
        let since = CursorValue(CursorValue(mark).before(lagMicroseconds: incremental.lagMicroseconds))
        return initial.map { max($0, since) }?.json ?? since.json
    }

    private func abandon(_ pullID: Int64, _ reason: String, _ connection: Connection) throws {
        try Pulls.forgetClaims(ofPull: pullID, source: sourceID, behind: -1, connection)
        try Pulls.abandon(pullID, reason: reason, connection)
    }

    private static func pullID(_ start: PullStart) -> Int64 {
        Int64(start.identity.split(separator: "-").last ?? "") ?? 0
    }

    static func json(_ value: some Encodable) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }
}

private func goesOn(_ unfinished: Pulls.Unfinished?, _ api: HTTPSource) -> Bool {
    unfinished?.requestHash == api.requestHash && unfinished?.checkpoint != nil
}
