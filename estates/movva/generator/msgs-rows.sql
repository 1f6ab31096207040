-- Adds the messages :first to :last. One every 11 seconds since 5 January 2026, :late microseconds later than that.
-- Replies are short; nudges are templates with names filled in, so they repeat as real ones do. Every fourth nudge
-- belongs to a broadcast, whose messages share one modified_on: a cursor on time alone would lose rows there.
-- Whether somebody answers follows from who it is: some like to (on WhatsApp and with small children more often than by
-- SMS and with older ones, and most of all both together), most at one time of the day, and everybody tires. After three
-- fifths of 60 to 119 days they fall silent until the next round. So silence can be foreseen from person and history.
-- ("offset 0" makes the planner compute each step once instead of copying its expressions upwards.)

create or replace function pg_temp.nudges() returns text[] immutable language sql as $$ select array[
  'Oi, {nome}! Que tal ler 10 minutinhos com {filho} hoje? Pode ser a bula, o rótulo ou um gibi: o que vale é estar junto. 📚',
  'Bom dia, {nome}! A frequência de {filho} esta semana foi de 100%. Parabéns! Cada dia na escola conta muito. 👏',
  'Olá, {nome}. Sentimos falta de {filho} na escola ontem. Aconteceu alguma coisa? Responda 1 para doença, 2 para transporte, 3 para outro.',
  '{nome}, você sabia que conversar sobre o dia na escola ajuda {filho} a aprender mais? Pergunte: qual foi a melhor parte de hoje? 💬',
  'Boa noite, {nome}! Dica da semana: um canto tranquilo, sem TV, ajuda {filho} a fazer a lição com mais atenção. ✏️',
  'Professora {nome}, reserve 5 minutos amanhã para cumprimentar cada aluno pelo nome. Pequenos gestos criam vínculo. 🌱',
  'Oi, {nome}! A reunião de pais é na quinta-feira, às 18h30. Podemos contar com você? Responda SIM ou NÃO.',
  '{nome}, {filho} pode melhorar em matemática com treino curto e diário. Contem juntos as moedas do troco hoje. 🪙',
  'Olá, {nome}! Elogie o esforço, não só a nota: «Vi como você tentou de novo» vale mais do que «você é inteligente».',
  'Oi, {nome}. As matrículas vão até sexta-feira. Leve RG, CPF e comprovante de endereço à secretaria, das 8h às 17h.',
  '{nome}, errar faz parte! Conte para {filho} uma vez em que você errou e aprendeu. Isso dá coragem para tentar. 💪',
  'Professor {nome}, como foi a atividade desta semana? Responda de 1 (difícil) a 5 (ótima) e receba uma sugestão nova.',
  'Bom dia! {nome}, hoje é dia de prova. Um abraço e um bom café da manhã já são meio caminho andado para {filho}. ☕',
  'Oi, {nome}! Faltam 3 dias para o passeio. A autorização de {filho} já foi assinada? Responda 1 (sim) ou 2 (ainda não).',
  '{nome}, que tal combinar com {filho} uma hora certa para dormir? Quem dorme bem aprende melhor. Boa noite! 🌙',
  'Olá, {nome}! Nesta semana mais de 1.200 famílias leram juntas. Conte para nós: o que {filho} está lendo? 📖',
  'Oi, {nome}, tudo bem? Notamos 2 faltas de {filho} neste mês. A partir de 5 faltas o aprendizado fica bem mais difícil.',
  '{nome}, cozinhar também ensina! Peça ajuda a {filho} para medir os ingredientes de uma receita. 🥣 Depois nos conte como foi.',
  'Professora {nome}, lembrete: registre hoje o resultado da avaliação diagnóstica. Leva 2 minutos e ajuda a escola toda.',
  'Parabéns, {nome}! Você respondeu a todas as mensagens do mês. Obrigado por caminhar com a gente e com {filho}. 💛'] $$;

create or replace function pg_temp.replies() returns text[] immutable language sql as $$ select array[
  'Sim', 'sim', 'SIM', 'Não', 'nao', '1', '2', '3', '5', 'ok', 'Ok, obrigada 🙏', 'Obrigado!', 'Bom dia', 'Vou sim',
  'Ele ficou doente 😷', 'Ela adorou a história, lemos duas vezes!', 'Não consegui hoje, amanhã eu faço',
  'Quem é?', 'Pode me ligar?', 'PARAR', '❤️', '👍🏽', 'Estamos lendo «O Menino Maluquinho»',
  'O ônibus não passou ontem, por isso {filho} faltou', 'Amém 🙌', 'Boa noite, já assinei a autorização',
  'Mudei de número, podem atualizar?', 'kkkkk foi ótimo', E'Segue:\n1) leitura\n2) lição\n3) banho', 'Não entendi a pergunta'] $$;

insert into public.msgs
select
  id,
  pg_temp.uuid_of(id, 1),
  1,
  contact_id,
  case when pg_temp.pick(id, 25, 500) > 1 then contact_id + 1000000 end,
  channel_id,
  case when not incoming then pg_temp.pick(id, 26, 48) end,
  case when incoming then 'I' else 'O' end,
  status,
  case when pg_temp.pick(id, 27, 400) = 1 then 'V' else 'T' end,
  (1 + length(words) / 161)::smallint,
  words,
  case when media then array['image/jpeg:https://media.movva.example/' || md5('m' || id) || '.jpg']
       when pg_temp.pick(id, 28, 20) = 1 then '{}'::text[] end,
  case when incoming then null else jsonb_build_object(
    'nudge', (array['leitura', 'frequencia', 'vinculo', 'rotina', 'matricula', 'prova'])[pg_temp.pick(id, 29, 6)],
    'variante', (array['a', 'b', 'controle'])[pg_temp.pick(contact_id, 30, 3)],
    'lote', id / 5000) end,
  case when incoming then null
       when status = 'F' then 0
       when channel_id <= 2 then 0.0895 * (1 + length(words) / 161)
       else 0.0315 + pg_temp.pick(id, 31, 90) * 0.0001 end,
  case when status not in ('F', 'P') then
    case when channel_id <= 2 then substr(md5('s' || id), 1, 20) else 'wamid.' || substr(md5('w' || id), 1, 22) end end,
  created_on,
  case when incoming then created_on + interval '180 milliseconds'
       when broadcast then date_trunc('minute', created_on) + interval '3 minutes'
       else created_on + pg_temp.pick(id, 32, 90000) * interval '10 milliseconds' end,
  case when not incoming and status not in ('F', 'P') then created_on + pg_temp.pick(id, 33, 4000) * interval '1 millisecond' end
from (
  select
    id, contact_id, channel_id, incoming, media, broadcast, status,
    timestamptz '2026-01-05 08:00:00-03' + id * interval '11 seconds'
      + (pg_temp.pick(id, 21, 999999) + :late) * interval '1 microsecond' as created_on,
    case when incoming and media then ''
         else replace(replace(template, '{nome}', pg_temp.first_name(contact_id)), '{filho}',
                      (pg_temp.child_names())[pg_temp.pick(contact_id, 14, 20)]) end as words
  from (
    select
      id, contact_id, incoming,
      case when pg_temp.pick(contact_id, 15, 5) <= 2 then 1 + contact_id::int % 2 else 3 + contact_id::int % 2 end as channel_id,
      incoming and pg_temp.pick(id, 23, 12) = 1 as media,
      not incoming and id / 64 % 4 = 0 as broadcast,
      (case when incoming then array['H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'H', 'P']
            else array['D', 'D', 'D', 'D', 'D', 'R', 'R', 'R', 'S', 'F'] end)[pg_temp.pick(id, 24, 10)] as status,
      case when incoming then (pg_temp.replies())[pg_temp.pick(id, 34, 30)]
           else (pg_temp.nudges())[pg_temp.pick(id / 64, 35, 20)] end as template
    from (
      select id, contact_id,
        -- How many of a thousand of these messages are replies: 22 of 100 on the whole.
        pg_temp.pick(id, 22, 1000) <= case
          when cycle_place >= 600 then 15
          else (array[50, 270, 800])[1 + (person / 7 % 100 < kind[1])::int + (person / 7 % 100 < kind[2])::int] * (120 - cycle_place / 10) / 100
            * (case when id * 11 / 3600 % 24 / 6 = person / 21600 % 3 then 125 else 90 end) / 100 end as incoming
      from (
        select id, contact_id, person, kind,
          (id * 11 + person / 180 % 120 * 86400) % (cycle * 86400) * 1000 / (cycle * 86400) as cycle_place
        from (
          select id, contact_id, person, 60 + person / 3 % 60 as cycle,
            -- Of a hundred of their kind: who does not answer rarely, who answers often.
            case (pg_temp.pick(contact_id, 15, 5) > 2)::int + (pg_temp.pick(contact_id, 45, 9) <= 5)::int
              when 2 then array[88, 66] when 1 then array[65, 25] else array[30, 5] end as kind
          from (
            select id, contact_id, pg_temp.pick(contact_id, 36, 1000000)::bigint as person
            from (select id, pg_temp.pick(id, 20, :contacts)::bigint as contact_id
                  from generate_series(:first::bigint, :last::bigint) as id offset 0) as who
            offset 0
          ) as person
        ) as habit
        offset 0
      ) as mood
      offset 0
    ) as who
    offset 0
  ) as what
  offset 0
) as message;
