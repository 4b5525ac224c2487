%% Plays lives of one supervisor on OTP's own supervisor, and writes down what it answered and how it stood after each
%% step: "number answer children counts", a child that runs as "id+", one without a process as "id-".
-module(otp_oracle).
-export([play/2, init/1, start/1]).

init(Given) -> Given.

play(From, To) ->
    logger:set_primary_config(level, none),
    process_flag(trap_exit, true),
    ets:new(plan, [named_table, public]),
    {ok, Lives} = file:consult(From),
    {ok, Book} = file:open(To, [write]),
    [live(Book, Life) || Life <- Lives],
    file:close(Book).

%% ---- children: how their starts go is planned, and how they end is told to them

start(Id) ->
    Outcome = case ets:lookup(plan, Id) of
        [{_, [First | Rest]}] -> ets:insert(plan, {Id, Rest}), First;
        _ -> ok
    end,
    case Outcome of
        ok -> Pid = spawn_link(fun() -> receive {die, Reason} -> exit(Reason) end end),
              ets:insert(plan, {{pid, Id}, Pid}),
              {ok, Pid};
        fail -> {error, nope};
        ignore -> ignore
    end.

spec({Id, Restart, IsSignificant}, Args) ->
    #{id => Id, start => {?MODULE, start, Args}, restart => Restart, significant => IsSignificant, shutdown => 1000}.

%% ---- one life

live(Book, {Number, Strategy, Max, Mode, Children, Plans, Steps}) ->
    ets:delete_all_objects(plan),
    ets:insert(plan, Plans),
    Specs = [spec(Child, case Strategy of simple_one_for_one -> []; _ -> [element(1, Child)] end) || Child <- Children],
    Flags = #{strategy => Strategy, intensity => Max, period => 3600, auto_shutdown => Mode},
    case supervisor:start_link(?MODULE, {ok, {Flags, Specs}}) of
        {error, _} -> io:format(Book, "~w start_failed~n", [Number]);
        {ok, Sup} ->
            io:format(Book, "~w up ~s~n", [Number, state(Sup)]),
            steps(Book, Number, Sup, Strategy, Steps),
            exit(Sup, shutdown),
            Watch = monitor(process, Sup),
            receive {'DOWN', Watch, _, _, _} -> ok end
    end,
    forget().

forget() -> receive _ -> forget() after 0 -> ok end.

steps(_, _, _, _, []) -> ok;
steps(Book, Number, Sup, Strategy, [Step | Rest]) ->
    Answer = answer(catch step(Sup, Strategy, Step)),
    State = lists:flatten(state(Sup)),
    io:format(Book, "~w ~s ~s~n", [Number, Answer, State]),
    case State of "dead" ++ _ -> ok; _ -> steps(Book, Number, Sup, Strategy, Rest) end.

step(_, _, {plan, Id, Outcomes}) -> ets:insert(plan, {Id, Outcomes}), done;
step(Sup, _, {die, Id, Reason}) ->
    case is_up(Sup, Id) of
        true -> die(pid(Id), Reason);
        false -> done
    end;
step(Sup, simple_one_for_one, {start, {Id, _, _}}) ->
    case is_up(Sup, Id) of
        true -> done;
        false -> supervisor:start_child(Sup, [Id])
    end;
step(Sup, simple_one_for_one, {terminate, Id}) ->
    case pid(Id) of
        none -> done;
        Pid -> supervisor:terminate_child(Sup, Pid)
    end;
step(Sup, _, {start, Child}) -> supervisor:start_child(Sup, spec(Child, [element(1, Child)]));
step(Sup, _, {terminate, Id}) -> supervisor:terminate_child(Sup, Id);
step(Sup, _, {restart, Id}) -> supervisor:restart_child(Sup, Id);
step(Sup, _, {delete, Id}) -> supervisor:delete_child(Sup, Id).

die(Pid, Reason) ->
    Watch = monitor(process, Pid),
    case Reason of
        killed -> exit(Pid, kill);
        shutdown_detail -> Pid ! {die, {shutdown, detail}};
        _ -> Pid ! {die, Reason}
    end,
    receive {'DOWN', Watch, _, _, _} -> ok end,
    timer:sleep(1), %% its supervisor is told by another signal
    done.

pid(Id) ->
    case ets:lookup(plan, {pid, Id}) of
        [{_, Pid}] -> Pid;
        [] -> none
    end.

is_up(Sup, Id) -> lists:keymember(pid(Id), 2, supervisor:which_children(Sup)) andalso is_process_alive(pid(Id)).

answer({ok, undefined}) -> "ignored";
answer({ok, _}) -> "ok";
answer({error, {already_started, _}}) -> "already_started";
answer({error, {bad_combination, _}}) -> "bad_spec";
answer({error, nope}) -> "start_failed";
answer({error, {nope, _}}) -> "start_failed";
answer({error, Code}) -> atom_to_list(Code);
answer(Word) -> atom_to_list(Word).

state(Sup) ->
    case catch supervisor:which_children(Sup) of
        {'EXIT', _} -> receive {'EXIT', Sup, Reason} -> io_lib:format("dead ~w", [Reason]) end;
        Children ->
            case lists:keymember(restarting, 2, Children) of
                true -> state(Sup);
                false -> io_lib:format("~s~s", [[shown(Child) || Child <- in_order(Children)], counts(Sup)])
            end
    end.

in_order([{undefined, _, _, _} | _] = Instances) ->
    lists:sort([{Id, Pid, none, none} || {{pid, Id}, Pid} <- ets:tab2list(plan), lists:keymember(Pid, 2, Instances)]);
in_order(Children) -> lists:reverse(Children).

shown({Id, undefined, _, _}) -> io_lib:format("~w- ", [Id]);
shown({Id, _, _, _}) -> io_lib:format("~w+ ", [Id]).

counts(Sup) ->
    Counts = supervisor:count_children(Sup),
    io_lib:format("~w", [[proplists:get_value(Key, Counts) || Key <- [specs, active, supervisors, workers]]]).
