import Events
import Extract
import Postgres
import Transform
import Warehouse

/// What `daybook check` finds; loads nothing and makes no tables.
package struct CheckReport: Sendable, Encodable {
    package let ok: Bool
    package let problems: [Problem]
    /// Whether the only error is a database out of reach.
    package let isUnreachable: Bool

    private enum CodingKeys: String, CodingKey { case ok, problems }

    package init(ok: Bool, problems: [Problem], isUnreachable: Bool) {
        self.ok = ok
        self.problems = problems
        self.isUnreachable = isUnreachable
    }
}

/// Reads definitions, looks at the files and the database that they name, and tells every mistake and doubt.
package struct Check {
    private let project: Project
    private var problems: [Problem]
    /// The types that events have, by entity: from raw, and from the first records of the files.
    private var types: [String: Set<String>] = [:]
    /// Of the sources of dead letters of the pipeline that is looked at.
    private var deadLetterTypes: [String: [String: Set<String>]] = [:]
    /// What was not to be had: a database, an API.
    private var outOfReach: [Problem] = []
    private var isUnreachable = false

    /// - Parameter database: gives what to connect with; nil where there is no database yet, which is no mistake.
    package static func run(
        _ project: Project, _ names: [String], database: (() throws -> String?)?
    ) throws(DefinitionError) -> CheckReport {
        var check = Check(project: project, problems: project.problems)
        let definitions = try project.read(names)
        for definition in definitions { check.problems += definition.problems }
        if definitions.isEmpty {
            check.problems.append(project.holdsNoPipeline)
        }
        check.checkTransforms()
        let fields = definitions.compactMap(\.pipeline).flatMap(\.eventFields)
        check.checkDatabase(database, fields)
        for definition in definitions {
            check.deadLetterTypes = [:]
            check.checkSources(definition)
            check.checkDeadLetters(definition, of: definitions)
        }
        for definition in definitions { check.checkTypes(definition) }

        let isWrong = check.problems.contains { $0.severity == .error }
        return CheckReport(
            ok: !isWrong && check.outOfReach.isEmpty, problems: check.problems + check.outOfReach,
            isUnreachable: !isWrong && check.isUnreachable)
    }

    private mutating func checkTransforms() {
        do {
            _ = try Model.ordered(try project.sqlFiles().folder("transforms"))
        } catch let error as TransformError {
            let own = "\(project.directory)/"
            let file = error.file.hasPrefix(own) ? String(error.file.dropFirst(own.count)) : error.file
            let place = DefinitionPlace(file: file, line: error.line ?? 1, column: 1)
            problems.append(Problem(.error, place, error.message))
        } catch {
            problems.append(Problem(.error, .start(of: "sql/transforms/"), "\(error)"))
        }
    }

    private mutating func checkDatabase(_ database: (() throws -> String?)?, _ fields: [EventField]) {
        // Without a project.jsonc that can be read it is not known which database is meant.
        guard let database, !project.hasErrors else { return }
        do {
            let warehouse = try Warehouse.open(try database(), creating: false)
            types = try Catalogue(warehouse.connection).types()
            for mistake in try EventTables(fields, ofPipelines: []).mistakes(warehouse.connection) {
                let place = DefinitionPlace(file: mistake.file, line: mistake.line ?? 1, column: 1)
                problems.append(Problem(.error, place, mistake.message))
            }
        } catch WarehouseError.empty {
            return
        } catch {
            let file = project.definition.database == nil ? "database" : Project.definitionFile
            isUnreachable = (error as? PostgresError)?.kind == .connect || error is PrivateServerError
            outOfReach.append(Problem(.error, .start(of: file), "the database cannot be used: \(error)"))
        }
    }

    // MARK: - Sources

    /// A source of many files shows its types and its mistakes in a few of them.
    private static let maxSampledFiles = 20

    private mutating func checkSources(_ definition: ReadDefinition) {
        guard let pipeline = definition.pipeline else { return }
        for source in pipeline.sources {
            let place = definition.places.sources[source.name] ?? .start(of: definition.file)
            do {
                switch source.input {
                case .files(let input): try checkFiles(input, source, place)
                case .http(let api): try checkAPI(api, source, place)
                case .command(let command, _): checkCommand(command, place)
                }
            } catch {
                problems.append(Problem(.error, place, "\(error)"))
            }
        }
    }

    private mutating func checkFiles(
        _ input: FileInput, _ source: SourceDefinition, _ place: DefinitionPlace
    ) throws {
        var unmatched: [String] = []
        let files = try input.files(in: project) { unmatched.append($0) }
        for pattern in unmatched {
            problems.append(Problem(.warning, place, "no file matches \"\(pattern)\" now"))
        }
        // Files of one source are alike: a column that one lacks, and rejects, are told once.
        var (isHeaderTold, isTold) = (false, false)
        for file in files.filter({ $0.size > 0 }).prefix(Check.maxSampledFiles) {
            let before = problems.count
            if let dialect = input.form.format.dialect, !isHeaderTold {
                checkHeader(
                    try CSVHeader(file, dialect: dialect, encoding: input.form.encoding).columns,
                    of: file.name, source, place)
            }
            isHeaderTold = isHeaderTold || problems.count > before
            isTold = isTold || problems[before...].contains { $0.severity == .error }
            try sample(file, input.form, source, place, isTold: &isTold)
        }
        if input.form.format == .ndjson, !input.hasStandardFields, !isTold {
            checkFields(FieldSample(Array(files.prefix(Check.maxSampledFiles))), source, place)
        }
        if source.mapping.filter != nil || !source.mapping.redactions.isEmpty, !isTold {
            let found = Array(files.filter { $0.size > 0 }.prefix(Check.maxSampledFiles))
            let dialect = input.form.format.dialect
            let columns = try found.flatMap { file in
                try dialect.map {
                    try CSVHeader(file, dialect: $0, encoding: input.form.encoding).columns
                } ?? []
            }
            checkRules(
                FieldSample(found, input.form, of: source.mapping), columns: columns, source, place)
        }
    }

    /// Looks for what records are filtered and redacted by.
    ///
    /// - Parameter columns: of CSV, where an empty cell is no field of its record.
    private mutating func checkRules(
        _ records: FieldSample, columns: [String] = [], _ source: SourceDefinition, _ place: DefinitionPlace
    ) {
        guard records.count > 0 else { return }
        let header = FieldSample([
            JSONValue(.object(columns.map { JSONValue.Member(name: $0, value: JSONValue(.string(""))) }))
        ])
        func warn(_ name: String, _ rule: String, _ hint: String) {
            problems.append(
                Problem(
                    .warning, place,
                    "none of the first \(records.count) records has \"\(name)\" (\(rule))" + hint))
        }
        var seen: Set<FieldPath> = []
        for condition in source.mapping.filter?.alternatives.flatMap({ $0 }) ?? [] {
            let path = condition.path
            guard !records.has(path), CSVParser.column(of: path, in: columns) == nil,
                seen.insert(path).inserted
            else { continue }
            let (steps, suggestion) = records.find(path)
            let pointer = steps.map { FieldPath(steps: $0) }.flatMap { records.has($0) ? $0.text : nil }
            let hint = pointer.map { "; write \"\($0)\"" } ?? suggestion
            // What is said to be absent may well be.
            if case .isPresent(false) = condition.test, hint.isEmpty { continue }
            warn(path.text, "where", hint)
        }
        var names: [String] = []
        for redaction in source.mapping.redactions {
            guard let name = redaction.name, !names.contains(name) else { continue }
            names.append(name)
            let paths = source.mapping.redactions.filter { $0.name == name }.map(\.path)
            let found = paths.map { records.find($0) }
            if found.contains(where: { $0.steps != nil })
                || paths.contains(where: { header.find($0).steps != nil })
            {
                continue
            }
            warn(name, "redact", found.map(\.suggestion).first { !$0.isEmpty } ?? "")
        }
    }

    /// Whether the program is there; it is not run, for nobody knows what else that does.
    private mutating func checkCommand(_ command: CommandSource, _ place: DefinitionPlace) {
        guard !command.isInstalled, let name = command.programName else { return }
        isUnreachable = true
        outOfReach.append(
            Problem(
                .error, place,
                "the program \(name) is not there, or not in the PATH; install it, or say where it is"))
    }

    /// Asks for the first page, and looks at it as a run would.
    private mutating func checkAPI(
        _ api: HTTPSource, _ source: SourceDefinition, _ place: DefinitionPlace
    ) throws {
        do {
            let page = try APISample(api, mapping: source.mapping, maxLine: source.maxLine)
            note(page.types, of: source)
            if let reject = page.onlyRejects {
                problems.append(
                    Problem(
                        .error, place,
                        "the first \(page.rejects) items of \(api.name) would all be rejected; item \(reject.line): "
                            + reject.reason))
            } else if api.format == .csv {
                checkHeader(page.columns, of: api.name, source, place)
            } else {
                let sample = FieldSample(page.items)
                checkFields(sample, source, place)
                // What stands in strings is not looked into.
                if source.mapping.opened.isEmpty { checkRules(sample, source, place) }
                if let field = api.incremental?.field, sample.count > 0, !sample.has(field) {
                    problems.append(
                        Problem(
                            .warning, place,
                            "none of the first \(sample.count) items has \"\(field.text)\" (cursor_field)"
                                + Spelling.suggestion(field.steps.last ?? "", in: sample.names(beside: field))
                        ))
                }
            }
            for doubt in page.doubts { problems.append(Problem(.warning, place, doubt)) }
        } catch let error as ExtractError where error.kind == .unreadable {
            isUnreachable = true
            outOfReach.append(Problem(.error, place, "\(error)"))
        }
    }

    private mutating func checkHeader(
        _ columns: [String], of object: String, _ source: SourceDefinition, _ place: DefinitionPlace
    ) {
        // Of a header that is not whole yet.
        guard !columns.isEmpty else { return }
        func isThere(_ path: FieldPath) -> Bool { CSVParser.column(of: path, in: columns) != nil }
        for mapping in source.mapping.events {
            let needed = mapping.occurredAt.reference.paths + mapping.type.paths
            var seen: Set<FieldPath> = []
            for path in mapping.references.flatMap(\.paths) where !isThere(path) {
                guard seen.insert(path).inserted else { continue }
                // A field with alternatives may well be missing here.
                let isAlternative = mapping.references.contains { reference in
                    guard case .firstPresent = reference else { return false }
                    return reference.paths.contains(path) && reference.paths.contains(where: isThere)
                }
                let severity: Problem.Severity =
                    needed.contains(path) && !isAlternative && !source.mapping.isList ? .error : .warning
                if isAlternative { continue }
                problems.append(
                    Problem(
                        severity, place,
                        "\(object) has no column \"\(path.text)\""
                            + (Spelling.nearest(path.text, in: columns) == nil
                                ? "; it has \(columns.joined(separator: ", "))"
                                : Spelling.suggestion(path.text, in: columns))))
            }
        }
    }

    /// Looks for the mapped fields in the first records.
    private mutating func checkFields(
        _ records: FieldSample, _ source: SourceDefinition, _ place: DefinitionPlace
    ) {
        guard records.count > 0 else { return }
        var seen: Set<FieldPath> = []
        for mapping in source.mapping.events {
            for reference in mapping.references {
                // Of alternatives one is enough.
                let missing = reference.paths.filter { !records.has($0) }
                if case .firstPresent = reference, missing.count < reference.paths.count { continue }
                for path in missing where seen.insert(path).inserted {
                    let names = records.names(beside: path)
                    problems.append(
                        Problem(
                            .warning, place,
                            "none of the first \(records.count) records has \"\(path.text)\""
                                + Spelling.suggestion(path.steps.last ?? "", in: names)))
                }
            }
        }
    }

    /// Reads the first batch of a file as a run would, for its types and its rejects.
    private mutating func sample(
        _ file: FoundFile, _ form: RecordForm, _ source: SourceDefinition, _ place: DefinitionPlace,
        isTold: inout Bool
    ) throws {
        let plan = ReadPlan(file, identity: "sample")
        let reader = try FileReader(
            plan, plan.stretches[0], form: form, mapping: source.mapping, isSettled: true)
        var batch = EventBatch()
        guard try reader.fill(&batch) else { return }
        note(batch.types, of: source)
        if batch.events.isEmpty, !isTold, let reject = batch.rejects.first {
            isTold = true
            problems.append(
                Problem(
                    .error, place,
                    "the first \(batch.rejects.count) records of \(file.name) would all be rejected; "
                        + "line \(reject.line): \(reject.reason)"))
        }
    }

    /// Types that a source was found to have, by entity.
    private mutating func note(_ found: [String: Set<String>], of source: SourceDefinition) {
        guard source.role == .events else {
            deadLetterTypes[source.name, default: [:]].merge(found) { $0.union($1) }
            return
        }
        types.merge(found) { $0.union($1) }
    }

    // MARK: - SLAs

    /// Warns of dead letters whose types an SLA waits for: they never start, end or cancel anything.
    private mutating func checkDeadLetters(_ definition: ReadDefinition, of all: [ReadDefinition]) {
        guard let pipeline = definition.pipeline else { return }
        for source in pipeline.sources where source.role == .deadLetter {
            var found = deadLetterTypes[source.name] ?? [:]
            // What the mapping says needs no data.
            for event in source.mapping.events {
                guard case .constant(let type) = event.type else { continue }
                found[pipeline.entity, default: []].insert(type)
            }
            for sla in all.compactMap(\.pipeline).flatMap(\.slas) {
                let met = (sla.start + sla.end + sla.cancel).first { pattern in
                    found[sla.entity]?.contains(where: pattern.matches) ?? false
                }
                guard let met else { continue }
                problems.append(
                    Problem(
                        .warning, definition.places.sources[source.name] ?? .start(of: definition.file),
                        "dead letters of \(source.name) have a type that \(sla.name) waits for (\"\(met.written)\"); they do "
                            + "not count for it: a dead letter did not happen. Leave \"type\" out of its event, and it is "
                            + "\"dead_letter\""))
            }
        }
    }

    private mutating func checkTypes(_ definition: ReadDefinition) {
        for sla in definition.pipeline?.slas ?? [] {
            // Without any event there is nothing to compare with.
            guard let known = types[sla.entity], !known.isEmpty else {
                if let place = definition.places.entities[sla.name], !types.isEmpty {
                    problems.append(
                        Problem(
                            .warning, place,
                            "no event has the entity \"\(sla.entity)\""
                                + nearest(sla.entity, of: types.keys.sorted())))
                }
                continue
            }
            for pattern in sla.start + sla.end + sla.cancel where !known.contains(where: pattern.matches) {
                let place = definition.places.types[sla.name]?[pattern.written] ?? .start(of: definition.file)
                problems.append(
                    Problem(
                        .warning, place,
                        "no event of \(sla.entity) has the type \"\(pattern.written)\" so far"
                            + nearest(pattern.written, of: known.sorted())))
            }
        }
    }

    /// The nearest of what there is, or else some of it.
    private func nearest(_ word: String, of known: [String]) -> String {
        guard Spelling.nearest(word, in: known) == nil else { return Spelling.suggestion(word, in: known) }
        return "; there are \(known.prefix(8).joined(separator: ", "))" + (known.count > 8 ? ", …" : "")
    }
}
