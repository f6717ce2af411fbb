/// How the records of a source become events: where each column of `raw.events` comes from.
package struct EventMapping: Sendable {
    package struct Time: Sendable {
        package var reference: FieldReference
        /// Nil: ISO 8601 or an epoch.
        package var format: TimeFormat?
        /// What a time without a zone means; nil: UTC.
        package var zone: TimeZoneRules?

        package init(_ reference: FieldReference, format: TimeFormat? = nil, zone: TimeZoneRules? = nil) {
            self.reference = reference
            self.format = format
            self.zone = zone
        }
    }

    package enum EventID: Sendable {
        /// Where the field is absent, the id is derived, or else the record is rejected.
        case reference(FieldReference, orElse: DerivedID? = nil)
        case derived(DerivedID)

        package static let position = EventID.derived(.position)
        package static let content = EventID.derived(.content)
    }

    /// The id of a record that names none.
    package enum DerivedID: String, Sendable, CaseIterable {
        /// The object's fingerprint and the record's position: each record is one event.
        case position
        /// The SHA-256 of the record's bytes: equal records are one event.
        case content
    }

    package var occurredAt: Time
    package var type: FieldReference
    package var eventID = EventID.position
    /// Nil or absent: the event's id.
    package var caseID: FieldReference?
    /// Nil or absent: `defaultService`.
    package var service: FieldReference?
    /// Nil or absent: `defaultEntity`.
    package var entity: FieldReference?
    package var defaultService: String
    package var defaultEntity: String
    package var userID: FieldReference?
    package var correlationID: FieldReference?
    package var sequence: FieldReference?
    /// Whether a sequence that is no number is none, and stays in the details.
    package var isSequenceOptional = false
    /// Nil: every field that no mapping of the source names whole.
    package var details: FieldReference?

    package init(occurredAt: Time, type: FieldReference, defaultService: String, defaultEntity: String) {
        self.occurredAt = occurredAt
        self.type = type
        self.defaultService = defaultService
        self.defaultEntity = defaultEntity
    }

    fileprivate func renamed(_ name: (FieldPath) -> FieldPath) -> EventMapping {
        var renamed = self
        renamed.occurredAt.reference = occurredAt.reference.renamed(name)
        renamed.type = type.renamed(name)
        if case .reference(let reference, let derived) = eventID {
            renamed.eventID = .reference(reference.renamed(name), orElse: derived)
        }
        renamed.caseID = caseID?.renamed(name)
        renamed.service = service?.renamed(name)
        renamed.entity = entity?.renamed(name)
        renamed.userID = userID?.renamed(name)
        renamed.correlationID = correlationID?.renamed(name)
        renamed.sequence = sequence?.renamed(name)
        renamed.details = details?.renamed(name)
        return renamed
    }

    package var references: [FieldReference] {
        var all = [occurredAt.reference, type]
        if case .reference(let reference, _) = eventID { all.append(reference) }
        all += [caseID, service, entity, userID, correlationID, isSequenceOptional ? nil : sequence, details]
            .compactMap { $0 }
        return all
    }
}

/// All that is needed to turn the records of one source into events.
package struct SourceMapping: Sendable {
    /// The events that one record yields, in order.
    package var events: [EventMapping]
    /// Whether the definition lists `events`: then an absent time means no event, and derived ids carry the index.
    package var isList: Bool
    /// Times outside are rejected; the bounds themselves are inside.
    package var timeRange: ClosedRange<Timestamp>
    /// Records that do not pass yield nothing.
    package var filter: RecordFilter?
    /// Fields that hold JSON in a string: paths lead into them, and in the details they are what they hold.
    package var opened: [FieldPath] = []
    /// What must not be stored as it came.
    package var redactions: [Redaction] = []
    /// Whether the format calls the second `key` of a record `key_2`: a redaction of `key` is one of that, too.
    package var numbersDoubledNames = false
    /// Keys what is derived from records that must not be stored; the hashes of `redactions` have it themselves.
    package var redactionKey: String?
    /// The field that tells how far a source was read.
    package var cursor: FieldPath?
    /// Whether the bytes of records that yield events are kept.
    package var keepsOriginals = false

    package init(events: [EventMapping], isList: Bool, timeRange: ClosedRange<Timestamp>) {
        self.events = events
        self.isList = isList
        self.timeRange = timeRange
    }

    /// Every path that any mapping of the source reads, each once.
    package var paths: [FieldPath] {
        var seen = Set<[String]>()
        return events.flatMap(\.references).flatMap(\.paths).filter { seen.insert($0.steps).inserted }
    }

    /// The paths of these that stay in the details unless they were taken.
    var fallbacks: Set<[String]> {
        let references = events.flatMap(\.references)
        return Set(references.flatMap(\.paths).map(\.steps))
            .subtracting(references.flatMap(\.firmPaths).map(\.steps))
    }

    /// What is looked at beside that, and stays in the details.
    package var looks: [FieldPath] {
        (filter?.paths ?? []) + (cursor.map { [$0] } ?? [])
            + events.filter(\.isSequenceOptional).flatMap { $0.sequence?.paths ?? [] }
    }

    /// The mapping with other names for the fields.
    func renamed(_ name: (FieldPath) -> FieldPath) -> SourceMapping {
        var renamed = self
        renamed.events = events.map { $0.renamed(name) }
        renamed.filter = filter.map { filter in
            RecordFilter(
                alternatives: filter.alternatives.map { conditions in
                    conditions.map { RecordFilter.Condition(name($0.path), $0.test) }
                })
        }
        renamed.opened = opened.map(name)
        renamed.redactions = redactions.map { Redaction(name($0.path), $0.action, name: $0.name) }
        renamed.cursor = cursor.map(name)
        return renamed
    }

    /// What decides of a record as it came whether it passes.
    var withoutRedactions: SourceMapping {
        var mapping = SourceMapping(events: [], isList: isList, timeRange: timeRange)
        mapping.filter = filter
        mapping.opened = opened
        return mapping
    }

    /// Whether records are not stored as they came.
    /// The mapping of a format that numbers doubled names.
    var withNumberedDoubles: SourceMapping {
        var mapping = self
        mapping.numbersDoubledNames = true
        return mapping
    }

    var isRewriting: Bool { !opened.isEmpty || !redactions.isEmpty }
}
